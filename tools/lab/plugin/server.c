/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's inner parts, found at load time.
 *
 * An INFORMATION_SCHEMA plugin is C++ against private headers by nature.  The packages ship public
 * headers only, so what is missing is found by what cannot be mistaken: exported symbols, vtables
 * of exported classes, and names that the server must contain.  Each find is checked on a structure
 * of the server's own making before it is used; a server that differs is refused, not crashed.
 * Memory that may not be what it seems is read through process_vm_readv, which fails where a plain
 * read would kill the process.
 */
#include "server.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <mysql/plugin.h>

#define WORDS(bytes) ((bytes) / sizeof(void *))

/* How far into a structure a search goes. */
#define SEARCH_TABLE_LIST WORDS(2048)
#define SEARCH_TABLE WORDS(1024)
#define SEARCH_FIELD WORDS(192)
#define SEARCH_SYS_VAR WORDS(512)
#define SEARCH_VTABLE WORDS(512)
#define COLUMNS_MAX 16

struct symbol {
	const char *name;
	void *address;
};

enum {
	STORE_RECORD,
	SCHEMA_TABLES,
	PRINT_ERROR,
	FIND_SYS_VAR,
	SYS_VAR_VTABLE,
	OPT_READONLY,
	CHARSET,
	VARCHAR_HANDLER,
	TINY_HANDLER,
	DOUBLE_HANDLER,
	DATETIME_HANDLER,
	VARCHAR_VTABLE,
	TINY_VTABLE,
	DOUBLE_VTABLE,
	DATETIME_VTABLE,
	UNUSED_VTABLE,
	VARCHAR_STORE,
	TINY_STORE,
	DOUBLE_STORE,
	SYMBOLS,
};

static struct symbol symbols[SYMBOLS] = {
	[STORE_RECORD] = {"_Z25schema_table_store_recordP3THDP5TABLE", NULL},
	[SCHEMA_TABLES] = {"schema_tables", NULL},
	[PRINT_ERROR] = {"my_printf_error", NULL},
	[FIND_SYS_VAR] = {"_Z19intern_find_sys_varPKcm", NULL},
	[SYS_VAR_VTABLE] = {"_ZTV17sys_var_pluginvar", NULL},
	[OPT_READONLY] = {"opt_readonly", NULL},
	[CHARSET] = {"my_charset_utf8mb3_general_ci", NULL},
	[VARCHAR_HANDLER] = {"type_handler_varchar", NULL},
	[TINY_HANDLER] = {"type_handler_stiny", NULL},
	[DOUBLE_HANDLER] = {"type_handler_double", NULL},
	[DATETIME_HANDLER] = {"type_handler_datetime2", NULL},
	[VARCHAR_VTABLE] = {"_ZTV15Field_varstring", NULL},
	[TINY_VTABLE] = {"_ZTV10Field_tiny", NULL},
	[DOUBLE_VTABLE] = {"_ZTV12Field_double", NULL},
	[DATETIME_VTABLE] = {"_ZTV15Field_datetimef", NULL},
	[UNUSED_VTABLE] = {"_ZTV12Field_string", NULL},
	[VARCHAR_STORE] = {"_ZN15Field_varstring5storeEPKcmPK15charset_info_st", NULL},
	[TINY_STORE] = {"_ZN10Field_tiny5storeEPKcmPK15charset_info_st", NULL},
	[DOUBLE_STORE] = {"_ZN12Field_double5storeEPKcmPK15charset_info_st", NULL},
};

static unsigned store_slot;
static unsigned table_at;  /* word of TABLE_LIST that holds the TABLE; 0: not found yet */
static unsigned fields_at; /* word of TABLE that holds the Field array */

/* A plugin's global variable: what the public header declares by macro, without its type. */
struct variable {
	MYSQL_PLUGIN_VAR_HEADER;
	char *value;
};

static bool read_bytes(const void *from, void *bytes, size_t size)
{
	struct iovec to = {bytes, size};
	struct iovec at = {(void *)(uintptr_t)from, size};

	return process_vm_readv(getpid(), &to, 1, &at, 1, 0) == (ssize_t)size;
}

static bool read_words(const void *from, void *words, size_t n)
{
	return read_bytes(from, words, n * sizeof(void *));
}

/* Reads up to `n` words, fewer where the mapping ends.  Returns how many. */
static size_t read_some(const void *from, const void **words, size_t n)
{
	while (n && !read_words(from, words, n))
		n /= 2;
	return n;
}

static bool reads_as(const char *from, const char *text)
{
	char copy[64];
	size_t size = strlen(text) + 1;

	return read_bytes(from, copy, size) && memcmp(copy, text, size) == 0;
}

/* The word that an object of a class starts with; a vtable has two words before its functions. */
static const void *vtable_of(unsigned symbol)
{
	return (const char *)symbols[symbol].address + 2 * sizeof(void *);
}

static unsigned vtable_find(unsigned vtable, unsigned function)
{
	const void *slots[SEARCH_VTABLE];
	size_t n = read_some(vtable_of(vtable), slots, SEARCH_VTABLE);

	for (unsigned i = 0; i < n; i++)
		if (slots[i] == symbols[function].address)
			return i + 1;
	return 0;
}

/* The layout assumed of ST_FIELD_INFO, tried on a table that every server has. */
static bool columns_fit(void)
{
	const struct lab_schema_table *table = symbols[SCHEMA_TABLES].address;
	const struct lab_column *first = table->columns;
	struct lab_column copy[2];

	if (!reads_as(table->table_name, "ALL_PLUGINS") || !read_bytes(first, copy, sizeof(copy)))
		return false;
	return reads_as(copy[0].name, "PLUGIN_NAME") &&
		copy[0].name_length == strlen("PLUGIN_NAME") &&
		copy[0].type_handler == symbols[VARCHAR_HANDLER].address && copy[0].length == 64 &&
		reads_as(copy[1].name, "PLUGIN_VERSION") && copy[1].length == 20 &&
		copy[1].type_handler == symbols[VARCHAR_HANDLER].address;
}

const char *lab_server_init(void)
{
	static char sentence[160];

	for (unsigned i = 0; i < SYMBOLS; i++) {
		symbols[i].address = dlsym(RTLD_DEFAULT, symbols[i].name);
		if (!symbols[i].address) {
			snprintf(sentence, sizeof(sentence), "this server exports no symbol %s",
				symbols[i].name);
			return sentence;
		}
	}
	if (!columns_fit())
		return "this server's INFORMATION_SCHEMA columns are laid out differently";
	store_slot = vtable_find(VARCHAR_VTABLE, VARCHAR_STORE);
	if (!store_slot || vtable_find(TINY_VTABLE, TINY_STORE) != store_slot ||
		vtable_find(DOUBLE_VTABLE, DOUBLE_STORE) != store_slot)
		return "this server's Field classes have no common place for store(text)";
	store_slot--;
	return NULL;
}

/* The plugin variable behind the server's sys_var object, by its name and type. */
static struct variable *variable_behind(const void *sys_var)
{
	const void *words[SEARCH_SYS_VAR];
	size_t n = read_some(sys_var, words, SEARCH_SYS_VAR);
	struct variable copy;

	for (size_t i = 1; i < n; i++) {
		if (!read_bytes(words[i], &copy, sizeof(copy)) ||
			(copy.flags & (0x7f | PLUGIN_VAR_THDLOCAL)) != PLUGIN_VAR_BOOL)
			continue;
		if (reads_as(copy.name, "read_only") || reads_as(copy.name, "innodb_read_only"))
			return (void *)(uintptr_t)words[i];
	}
	return NULL;
}

const char *lab_server_tie_role(void)
{
	static const char name[] = "innodb_read_only";
	const void *(*find)(const char *, size_t) = symbols[FIND_SYS_VAR].address;
	const void *sys_var = find(name, strlen(name));
	struct variable *variable;

	if (!sys_var)
		return "InnoDB is not there yet: the plugin must be loaded after it";
	if (*(const void *const *)sys_var != vtable_of(SYS_VAR_VTABLE))
		return "innodb_read_only is not a plugin's variable on this server";
	variable = variable_behind(sys_var);
	if (!variable)
		return "innodb_read_only is not where this server's plugin variables are";
	variable->value = symbols[OPT_READONLY].address;
	return NULL;
}

const void *lab_server_type_handler(enum lab_type type)
{
	return symbols[VARCHAR_HANDLER + type].address;
}

/* Columns that a statement does not read are replaced by the server with empty strings. */
static bool is_unused(const void *vtable)
{
	return vtable == vtable_of(UNUSED_VTABLE);
}

static bool field_belongs(const void *field, const void *table, enum lab_type type)
{
	const void *words[SEARCH_FIELD];
	size_t n = read_some(field, words, SEARCH_FIELD);

	if (!n || (words[0] != vtable_of(VARCHAR_VTABLE + type) && !is_unused(words[0])))
		return false;
	for (size_t i = 1; i < n; i++)
		if (words[i] == table)
			return true;
	return false;
}

static bool fields_fit(const void *fields, const void *table, const enum lab_type *types,
	unsigned n)
{
	const void *words[COLUMNS_MAX + 1];

	if (!read_words(fields, words, n + 1) || words[n])
		return false;
	for (unsigned i = 0; i < n; i++)
		if (!field_belongs(words[i], table, types[i]))
			return false;
	return true;
}

static bool table_search(const void *tables, const enum lab_type *types, unsigned n)
{
	const void *list[SEARCH_TABLE_LIST], *words[SEARCH_TABLE];
	size_t list_n = read_some(tables, list, SEARCH_TABLE_LIST);

	for (size_t i = 1; i < list_n; i++) {
		size_t words_n = list[i] ? read_some(list[i], words, SEARCH_TABLE) : 0;

		for (size_t j = 1; j < words_n; j++)
			if (words[j] && fields_fit(words[j], list[i], types, n)) {
				fields_at = j;
				__atomic_store_n(&table_at, i, __ATOMIC_RELEASE);
				return true;
			}
	}
	return false;
}

void *lab_server_table(const void *tables, const enum lab_type *types, unsigned n)
{
	void *table, *fields;

	if (!__atomic_load_n(&table_at, __ATOMIC_ACQUIRE) && !table_search(tables, types, n))
		return NULL;
	if (!read_words((void *const *)tables + table_at, &table, 1) ||
		!read_words((void **)table + fields_at, &fields, 1) ||
		!fields_fit(fields, table, types, n))
		return NULL;
	return table;
}

bool lab_server_store(void *thd, void *table, const char *const *texts, unsigned n)
{
	bool (*store_record)(void *, void *) = symbols[STORE_RECORD].address;
	void **fields = ((void **)table)[fields_at];

	for (unsigned i = 0; i < n; i++) {
		void **vtable = *(void ***)fields[i];
		int (*store)(void *, const char *, size_t, const void *) = vtable[store_slot];

		if (!is_unused(vtable))
			store(fields[i], texts[i], strlen(texts[i]), symbols[CHARSET].address);
	}
	return store_record(thd, table);
}

void lab_server_fail(const char *sentence)
{
	void (*print)(unsigned, const char *, unsigned long, ...) = symbols[PRINT_ERROR].address;

	print(1105, "%s", 0, sentence);
}
