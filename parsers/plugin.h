/* The interface of parser plugins: a shared object that reads lines which no parser of lastseen's
 * reads. This header is all that a plugin needs; it is C, and stands by itself.
 *
 * A plugin runs inside the agent: its crash is the agent's crash, its hang the agent's hang, and it
 * may do what the agent may. It exports one function,
 *
 *     const lastseen_plugin *lastseen_plugin_table(void);
 *
 * which returns a table that lives as long as the program. Build: cc -shared -fPIC -o p.so p.c
 */
#ifndef LASTSEEN_PLUGIN_H
#define LASTSEEN_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes when old plugins can no longer be used. What is added at the end of a struct leaves it
 * alone: `size` tells which members there are. */
#define LASTSEEN_PLUGIN_ABI 1

/* Bytes, not ended by a NUL. data NULL: there is no such text. */
typedef struct lastseen_text {
  const char* data;
  size_t size;
} lastseen_text;

/* What a line holds. The agent sets `size` and makes all else zero before each call. Texts may
 * point into the line or into the instance's memory; they must stay as they are until the next call
 * to the same instance. The rules on ids (length, UTF-8, client_id.from, …) are the agent's. */
typedef struct lastseen_fields {
  uint32_t size;           /* sizeof(lastseen_fields), as the agent knows it */
  int32_t has_time;        /* not 0: time_ms is set */
  int64_t time_ms;         /* when the request was made: ms since 1970-01-01 UTC */
  lastseen_text client_id; /* the id itself; empty or "-": none. This is field.client_id. */
  lastseen_text uri;       /* request target, query or request line, percent-encoded as received */
  lastseen_text body;      /* request body */
  int32_t status;          /* of the response, 100 to 999; 0: unknown */
} lastseen_fields;

typedef struct lastseen_plugin {
  uint32_t abi;  /* LASTSEEN_PLUGIN_ABI */
  uint32_t size; /* sizeof(lastseen_plugin) */

  /* A new instance; one is made for each input and thread, and no two calls to one instance run at
   * the same time. `options` is the text from the configuration, ended by a NUL, never NULL.
   * On failure: NULL, and what is wrong, ended by a NUL, in `error` (error_size bytes). */
  void* (*create)(const char* options, char* error, size_t error_size);

  /* Reads one line, without its line break; any bytes, also NUL. Not 0: it is of the format.
   * The time must not grow faster than the line's length. */
  int (*parse)(void* instance, const char* line, size_t line_size, lastseen_fields* fields);

  void (*destroy)(void* instance);
} lastseen_plugin;

#define LASTSEEN_PLUGIN_SYMBOL "lastseen_plugin_table"
typedef const lastseen_plugin* (*lastseen_plugin_table_function)(void);

#ifdef __cplusplus
}
#endif

#endif /* LASTSEEN_PLUGIN_H */
