/* An example of a parser plugin: lines such as
 *
 *     1795322705342|200|tenant-7|/items?page=2
 *
 * with milliseconds, status, client and target. The option "comma" takes a comma for the bar.
 *
 *     cc -O2 -shared -fPIC -o pipe_log.so pipe_log.c
 *
 * In /etc/lastseen/lastseen.yaml:
 *
 *     parser: {type: plugin, path: /usr/local/lib/lastseen/pipe_log.so, options: ""}
 *
 * It runs inside the agent: a crash here is the agent's crash.
 */
#include <lastseen/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pipe_log {
  char separator;
};

static void *create(const char *options, char *error, size_t error_size) {
  if (*options != '\0' && strcmp(options, "comma") != 0) {
    snprintf(error, error_size, "there is no option '%.40s'; there is: comma", options);
    return NULL;
  }
  struct pipe_log *log = malloc(sizeof *log);
  if (log == NULL) {
    snprintf(error, error_size, "out of memory");
    return NULL;
  }
  log->separator = *options == '\0' ? '|' : ',';
  return log;
}

static void destroy(void *instance) { free(instance); }

/* Digits up to `end` as a number; -1 where there is anything else, or too much. */
static int64_t number(const char *at, const char *end) {
  int64_t value = 0;
  if (at == end || end - at > 15) return -1;
  for (; at < end; ++at) {
    if (*at < '0' || *at > '9') return -1;
    value = value * 10 + (*at - '0');
  }
  return value;
}

static int parse(void *instance, const char *line, size_t line_size, lastseen_fields *fields) {
  const struct pipe_log *log = instance;
  const char *const end = line + line_size;
  const char *begin[3];
  const char *stop[3];
  const char *at = line;
  for (int i = 0; i < 3; ++i) {
    const char *separator = memchr(at, log->separator, (size_t)(end - at));
    if (separator == NULL) return 0; /* not a line of this format */
    begin[i] = at;
    stop[i] = separator;
    at = separator + 1;
  }
  const int64_t time_ms = number(begin[0], stop[0]);
  const int64_t status = number(begin[1], stop[1]);
  if (time_ms < 0 || status < 0) return 0;
  fields->has_time = 1;
  fields->time_ms = time_ms;
  fields->status = status <= 999 ? (int32_t)status : 0;
  /* Views into the line are fine: it lives until the next call. */
  fields->client_id.data = begin[2];
  fields->client_id.size = (size_t)(stop[2] - begin[2]);
  fields->uri.data = at;
  fields->uri.size = (size_t)(end - at);
  return 1;
}

const lastseen_plugin *lastseen_plugin_table(void) {
  static const lastseen_plugin table = {LASTSEEN_PLUGIN_ABI, sizeof table, create, parse, destroy};
  return &table;
}
