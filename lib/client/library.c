/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding the real functions.
 *
 *   by caller     the object of the return address, reopened by its name without loading anything
 *                 (dladdr1() is not to be had on musl), then dlsym() in it and what it brought
 *   RTLD_NEXT     for the main program, which cannot be reopened, and for whatever linked us
 *   every object  for a library that was loaded RTLD_LOCAL and is called through dlsym() or an FFI
 *
 * A symbol of ours is never an answer.  Which library an address belongs to is remembered in a
 * small table of words, each an address and a library's number in one, so that it can be read and
 * replaced without a lock.
 */
#include "library.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#define LIBRARIES_MAX 8
#define CACHE_PLACES 256u
#define ADDRESS_BITS 56

/* MySQL 8.0.34 and later print a warning whenever the option is touched. */
#define VERSION_8 80000ul
#define VERSION_WARNS 80034ul

static struct library libraries[LIBRARIES_MAX];
static _Atomic unsigned n_libraries;
static atomic_flag adding = ATOMIC_FLAG_INIT;
static _Atomic uint64_t cache[CACHE_PLACES]; /* address | (number + 1) << ADDRESS_BITS */

#define AT(name, member)                                                                           \
	{                                                                                          \
		name, offsetof(struct client_functions, member)                                    \
	}
static const struct {
	const char *name;
	size_t offset;
} wanted[] = {
	AT("mysql_real_connect", real_connect),
	AT("mysql_close", close),
	AT("mysql_query", query),
	AT("mysql_real_query", real_query),
	AT("mysql_send_query", send_query),
	AT("mysql_read_query_result", read_query_result),
	AT("mysql_store_result", store_result),
	AT("mysql_next_result", next_result),
	AT("mysql_fetch_row", fetch_row),
	AT("mysql_num_fields", num_fields),
	AT("mysql_free_result", free_result),
	AT("mysql_commit", commit),
	AT("mysql_rollback", rollback),
	AT("mysql_autocommit", autocommit),
	AT("mysql_select_db", select_db),
	AT("mysql_change_user", change_user),
	AT("mysql_set_character_set", set_character_set),
	AT("mysql_reset_connection", reset_connection),
	AT("mysql_ping", ping),
	AT("mysql_options", options),
	AT("mysql_get_option", get_option),
	AT("mysql_errno", errnum),
	AT("mysql_error", error),
	AT("mysql_sqlstate", sqlstate),
	AT("mysql_get_client_version", client_version),
	AT("mysql_character_set_name", character_set_name),
	AT("mysql_real_connect_start", connect_start),
	AT("mysql_real_connect_cont", connect_cont),
	AT("mysql_query_start", query_start),
	AT("mysql_query_cont", query_cont),
	AT("mysql_real_query_start", real_query_start),
	AT("mysql_real_query_cont", real_query_cont),
	AT("mysql_ping_start", ping_start),
	AT("mysql_ping_cont", ping_cont),
	AT("mysql_close_start", close_start),
	AT("mysql_get_ssl_cipher", get_ssl_cipher),
	AT("mysql_get_socket", get_socket),
	AT("mariadb_get_infov", get_infov),
	AT("mysql_stmt_init", stmt_init),
	AT("mysql_stmt_prepare", stmt_prepare),
	AT("mysql_stmt_execute", stmt_execute),
	AT("mysql_stmt_fetch", stmt_fetch),
	AT("mysql_stmt_store_result", stmt_store_result),
	AT("mysql_stmt_next_result", stmt_next_result),
	AT("mysql_stmt_reset", stmt_reset),
	AT("mysql_stmt_close", stmt_close),
	AT("mysql_stmt_errno", stmt_errno),
	AT("mysql_stmt_error", stmt_error),
	AT("mysql_stmt_sqlstate", stmt_sqlstate),
};
#undef AT

static uintptr_t base_of(const void *address)
{
	Dl_info info;

	return dladdr(address, &info) != 0 ? (uintptr_t)info.dli_fbase : 0;
}

static bool is_ours(const void *symbol)
{
	return base_of(symbol) == base_of((const void *)(uintptr_t)&library_of);
}

/* A handle on the object that an address lies in; NULL for the main program. */
static void *open_object_of(const void *address)
{
	Dl_info info;

	if (dladdr(address, &info) == 0 || !info.dli_fname || !*info.dli_fname)
		return NULL;
	return dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
}

static void *find_by_caller(const void *from)
{
	void *object = open_object_of(from), *symbol = NULL;

	if (!object)
		return NULL;
	symbol = dlsym(object, "mysql_real_query");
	(void)dlclose(object);
	return symbol && !is_ours(symbol) ? symbol : NULL;
}

static int look_into(struct dl_phdr_info *info, size_t size, void *context)
{
	void **ret = context, *object, *symbol;

	if (!info->dlpi_name || !*info->dlpi_name)
		return 0;
	object = dlopen(info->dlpi_name, RTLD_LAZY | RTLD_NOLOAD);
	if (!object)
		return 0;
	symbol = dlsym(object, "mysql_real_query");
	(void)dlclose(object);
	if (symbol && !is_ours(symbol))
		*ret = symbol;
	return *ret != NULL;
}

static void *find_anywhere(const void *from)
{
	void *symbol = find_by_caller(from);

	if (!symbol)
		symbol = dlsym(RTLD_NEXT, "mysql_real_query");
	if (!symbol || is_ours(symbol)) {
		symbol = NULL;
		(void)dl_iterate_phdr(look_into, &symbol);
	}
	return symbol;
}

struct extent {
	uintptr_t inside;
	struct library *library;
};

static int measure(struct dl_phdr_info *info, size_t size, void *context)
{
	struct extent *e = context;

	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + p->p_vaddr;

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X) || e->inside < start ||
			e->inside >= start + p->p_memsz)
			continue;
		e->library->start = start;
		e->library->size = p->p_memsz;
		return 1;
	}
	return 0;
}

/*
 * mysql_options() and its variants are not interposed: nothing that an application chose by them is
 * lost.  INIT_COMMAND, timeouts, TLS and the character set are the library's own to keep, and it applies
 * them when it reconnects.  MYSQL_OPT_RECONNECT alone is touched by a move, which reads it first, from
 * the same library, and puts it back.  A library without mysql_get_option() (libmysqlclient before
 * 5.7.3) could not be asked, so it is not moved; nor is one that would warn.
 */
static void decide_reconnect(struct library *lib)
{
	unsigned long version = lib->real.client_version ? lib->real.client_version() : 0;

	lib->is_mariadb = lib->real.get_infov != NULL;
	lib->opt_reconnect = lib->is_mariadb || version < VERSION_8 ? CLIENT_OPT_RECONNECT
								    : CLIENT_OPT_RECONNECT_8;
	if (!lib->real.get_option || !lib->real.options || !lib->real.ping)
		lib->opt_reconnect = 0;
	if (!lib->is_mariadb && version >= VERSION_WARNS)
		lib->opt_reconnect = 0;
}

/* All functions of the library that `symbol` is of; false if they cannot be had. */
static bool load(void *symbol, struct library *ret)
{
	struct extent extent = {(uintptr_t)symbol, ret};
	void *object = open_object_of(symbol); /* kept open: it must stay loaded */

	*ret = (struct library){0};
	if (!object)
		return false;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		void *found = dlsym(object, wanted[i].name);

		if (found && is_ours(found))
			return false;
		memcpy((char *)&ret->real + wanted[i].offset, &found, sizeof(found));
	}
	(void)dl_iterate_phdr(measure, &extent);
	return ret->real.real_query ==
		(int (*)(void *, const char *, unsigned long))(uintptr_t)symbol &&
		ret->start != 0;
}

static unsigned find_known(const struct library *lib, unsigned n)
{
	unsigned i = 0;

	while (i < n && libraries[i].real.real_query != lib->real.real_query)
		i++;
	return i;
}

/* The number of the library among the known ones; LIBRARIES_MAX if there is no room. */
static unsigned add(const struct library *lib)
{
	unsigned n, i;

	while (atomic_flag_test_and_set_explicit(&adding, memory_order_acquire))
		;
	n = atomic_load_explicit(&n_libraries, memory_order_relaxed);
	i = find_known(lib, n);
	if (i == n && n < LIBRARIES_MAX) {
		libraries[n] = *lib;
		/* Partner: the acquire in library_of(), through the cache's word. */
		atomic_store_explicit(&n_libraries, n + 1, memory_order_release);
	}
	atomic_flag_clear_explicit(&adding, memory_order_release);
	return i;
}

static const struct library *resolve(const void *from, _Atomic uint64_t *place)
{
	int saved = errno;
	void *symbol = find_anywhere(from);
	struct library lib;
	unsigned number;

	errno = saved;
	if (!symbol || !load(symbol, &lib))
		return NULL;
	number = find_known(&lib, atomic_load_explicit(&n_libraries, memory_order_acquire));
	if (number == atomic_load_explicit(&n_libraries, memory_order_acquire)) {
		decide_reconnect(&lib);
		number = add(&lib);
	}
	errno = saved;
	if (number == LIBRARIES_MAX)
		return NULL;
	atomic_store_explicit(place,
		(uint64_t)(uintptr_t)from | (uint64_t)(number + 1) << ADDRESS_BITS,
		memory_order_release);
	return &libraries[number];
}

const struct library *library_of(const void *from)
{
	uint64_t address = (uint64_t)(uintptr_t)from;
	_Atomic uint64_t *place = &cache[(address ^ address >> 8) % CACHE_PLACES];
	uint64_t word = atomic_load_explicit(place, memory_order_acquire);

	if ((word & ((UINT64_C(1) << ADDRESS_BITS) - 1)) == address && word >> ADDRESS_BITS)
		return &libraries[(word >> ADDRESS_BITS) - 1];
	return resolve(from, place);
}
