/* Plugins that must be refused; BROKEN says in which way. */
#include <lastseen/plugin.h>

void *create(const char *options, char *error, size_t error_size) {
  (void)options, (void)error, (void)error_size;
  return (void *)0;
}
int parse(void *instance, const char *line, size_t line_size, lastseen_fields *fields) {
  (void)instance, (void)line, (void)line_size, (void)fields;
  return 0;
}
void destroy(void *instance) { (void)instance; }

#if BROKEN == 1 /* of a later version */
static const lastseen_plugin table = {LASTSEEN_PLUGIN_ABI + 1, sizeof table, create, parse, destroy};
#elif BROKEN == 2 /* a function is missing */
static const lastseen_plugin table = {LASTSEEN_PLUGIN_ABI, sizeof table, create, 0, destroy};
#elif BROKEN == 3 /* made when the table was shorter than it ever was */
static const lastseen_plugin table = {LASTSEEN_PLUGIN_ABI, 8, create, parse, destroy};
#else /* it cannot start, and does not say why */
static const lastseen_plugin table = {LASTSEEN_PLUGIN_ABI, sizeof table, create, parse, destroy};
#endif

#if BROKEN == 4
const lastseen_plugin *another_name(void) { return &table; }
#else
const lastseen_plugin *lastseen_plugin_table(void) { return &table; }
#endif
