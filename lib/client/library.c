/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding the real functions.
 *
 *   by caller     the object of the return address, reopened by its name without loading anything
 *                 (dladdr1() is not to be had on musl), then dlsym() in it and what it brought
 *   RTLD_NEXT     for the main program, which cannot be reopened, and for whatever linked us
 *   every object  for a library that was loaded RTLD_LOCAL and is called through dlsym() or an FFI
 *
 * A symbol of ours is never an answer.  Libraries, and the objects that call them, are two lists that only
 * grow: a place at the head of one is taken by a single exchange, so that nobody waits, and a child that
 * is forked at any moment has whole lists.  Two threads may enter the same thing at once.  An object that
 * was unloaded may leave its place to one of another client library: who connects is looked for anew.
 */
#include "library.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CALLERS_MAX 64u /* programs that make code as they run may call from anywhere */
#define PAGE 4096u

/* MySQL 8.0.34 and later print a warning whenever the option is touched. */
#define VERSION_8 80000ul
#define VERSION_WARNS 80034ul

/* Code that calls: of one object, or one page of what no object holds. */
struct caller {
	uintptr_t start, size;
	const char *name; /* the object's; NULL: none.  For as long as it is surely loaded */
	_Atomic(const struct library *) library;
	struct caller *next;
};

static _Atomic(struct library *) libraries;
static _Atomic(struct caller *) callers;
static _Atomic unsigned n_callers;

/*
 * The functions of struct client_functions, in its order.  What stands for one that a library does not
 * have is told by the character before its name: nothing (?), for hooks ask before they call it; what
 * returns an error (!); what has no result (-).  Pointers would be relocated in every process.
 */
/* clang-format off */
#define UNSEEN_NAME(name, place) "?" #name "\0"
static const char wanted[] =
	"-mysql_real_connect\0" "-mysql_close\0" "!mysql_real_query\0" "!mysql_send_query\0"
	"!mysql_read_query_result\0" "-mysql_store_result\0" "-mysql_fetch_row\0"
	"-mysql_num_fields\0" "-mysql_free_result\0" "!mysql_commit\0" "!mysql_rollback\0"
	"!mysql_autocommit\0" "!mysql_select_db\0" "!mysql_change_user\0"
	"!mysql_set_character_set\0" "!mysql_reset_connection\0" "!mysql_ping\0" "?mysql_options\0"
	"-mysql_get_option\0" "-mysql_errno\0" "-mysql_error\0" "?mysql_get_client_version\0"
	"-mysql_character_set_name\0" "?mysql_real_connect_start\0" "?mysql_real_connect_cont\0"
	"-mysql_close_start\0" "-mysql_get_ssl_cipher\0" "?mysql_get_socket\0" "-mariadb_get_infov\0"
	"-mysql_stmt_init\0" "!mysql_stmt_prepare\0" UNSEEN_EACH(UNSEEN_NAME);
/* clang-format on */

static uintptr_t base_of(const void *address)
{
	Dl_info info;

	return dladdr(address, &info) != 0 ? (uintptr_t)info.dli_fbase : 0;
}

static bool is_ours(const void *symbol)
{
	return base_of(symbol) == base_of((const void *)(uintptr_t)&library_of);
}

/* Without loading anything, and without counting it as used. */
static void *find_in_object(const char *name)
{
	void *object = name && *name ? dlopen(name, RTLD_LAZY | RTLD_NOLOAD) : NULL;
	void *symbol;

	if (!object)
		return NULL;
	symbol = dlsym(object, "mysql_real_query");
	(void)dlclose(object);
	return symbol && !is_ours(symbol) ? symbol : NULL;
}

static int look_into(struct dl_phdr_info *info, size_t size, void *context)
{
	void **ret = context;

	*ret = find_in_object(info->dlpi_name);
	return *ret != NULL;
}

/* `everywhere`: also in objects that have nothing to do with the caller, which takes a while. */
static void *find(const struct caller *caller, bool everywhere)
{
	void *symbol = find_in_object(caller->name);

	if (!symbol)
		symbol = dlsym(RTLD_NEXT, "mysql_real_query");
	if (!symbol || is_ours(symbol)) {
		symbol = NULL;
		if (everywhere)
			(void)dl_iterate_phdr(look_into, &symbol);
	}
	return symbol;
}

/* Finds the code that lies around e->start. */
static int measure(struct dl_phdr_info *info, size_t size, void *context)
{
	struct caller *e = context;

	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + p->p_vaddr;

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X) || e->start - start >= p->p_memsz)
			continue;
		*e = (struct caller){.start = start, .size = p->p_memsz, .name = info->dlpi_name};
		return 1;
	}
	return 0;
}

static struct caller caller_around(const void *from)
{
	struct caller caller = {.start = (uintptr_t)from};

	if (dl_iterate_phdr(measure, &caller) == 0)
		caller = (struct caller){.start = (uintptr_t)from & ~(uintptr_t)(PAGE - 1),
			.size = PAGE};
	return caller;
}

static long call_that_fails(void)
{
	return 1;
}

static void *call_without_result(void)
{
	return NULL;
}

static void *stand_in(char kind)
{
	if (kind == '?')
		return NULL;
	return kind == '!' ? (void *)(uintptr_t)&call_that_fails
			   : (void *)(uintptr_t)&call_without_result;
}

static bool is_there(const void *function)
{
	return function && function != stand_in('-') && function != stand_in('!');
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

	lib->is_mariadb = is_there((void *)(uintptr_t)lib->real.get_infov);
	lib->opt_reconnect = lib->is_mariadb || version < VERSION_8 ? CLIENT_OPT_RECONNECT
								    : CLIENT_OPT_RECONNECT_8;
	if (!lib->real.options || !is_there((void *)(uintptr_t)lib->real.get_option) ||
		!is_there((void *)(uintptr_t)lib->real.ping) ||
		(!lib->is_mariadb && version >= VERSION_WARNS))
		lib->opt_reconnect = 0;
}

/* All functions of the library that `symbol` is of; false if they cannot be had. */
static bool load(const void *symbol, struct library *ret)
{
	struct caller code = caller_around(symbol);
	/* Kept open: it must stay loaded. */
	void *object = code.name && *code.name ? dlopen(code.name, RTLD_LAZY | RTLD_NOLOAD) : NULL;

	char *to = (char *)&ret->real;
	void *found;

	*ret = (struct library){.start = code.start, .size = code.size};
	if (!object)
		return false;
	for (const char *name = wanted; *name; name += strlen(name) + 1, to += sizeof(found)) {
		found = dlsym(object, name + 1);
		if (found && is_ours(found))
			return false;
		if (!found)
			found = stand_in(*name);
		memcpy(to, &found, sizeof(found));
	}
	decide_reconnect(ret);
	return true;
}

/* The library that `symbol` is mysql_real_query() of. */
static const struct library *library_with(const void *symbol)
{
	struct library *lib = atomic_load_explicit(&libraries, memory_order_acquire);

	while (lib && (const void *)(uintptr_t)lib->real.real_query != symbol)
		lib = lib->next;
	if (lib || !symbol)
		return lib;
	lib = malloc(sizeof(*lib));
	if (!lib || !load(symbol, lib)) {
		free(lib);
		return NULL;
	}
	lib->next = atomic_load_explicit(&libraries, memory_order_relaxed);
	/* Partner: the acquire above; for callers' lists, that in library_of(). */
	while (!atomic_compare_exchange_weak_explicit(&libraries, &lib->next, lib,
		memory_order_release, memory_order_relaxed))
		;
	return lib;
}

static void remember(const struct caller *found, const struct library *lib)
{
	struct caller *caller = NULL;

	if (atomic_fetch_add_explicit(&n_callers, 1, memory_order_relaxed) < CALLERS_MAX)
		caller = malloc(sizeof(*caller));
	if (!caller)
		return;
	*caller = *found;
	atomic_init(&caller->library, lib);
	caller->next = atomic_load_explicit(&callers, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&callers, &caller->next, caller,
		memory_order_release, memory_order_relaxed))
		;
}

static struct caller *find_entered(const void *from)
{
	struct caller *c = atomic_load_explicit(&callers, memory_order_acquire);

	while (c && (uintptr_t)from - c->start >= c->size)
		c = c->next;
	return c;
}

const struct library *library_anew(const void *from)
{
	const struct caller caller = caller_around(from);
	struct caller *entered = find_entered(from);
	int saved = errno;
	const struct library *lib = library_with(find(&caller, !entered));

	if (!lib && entered)
		lib = atomic_load_explicit(&entered->library, memory_order_acquire);
	else if (entered)
		atomic_store_explicit(&entered->library, lib, memory_order_release);
	else if (lib)
		remember(&caller, lib);
	errno = saved;
	return lib;
}

const struct library *library_of(const void *from)
{
	const struct library *only = atomic_load_explicit(&libraries, memory_order_acquire);
	struct caller *c = find_entered(from);

	if (c)
		return atomic_load_explicit(&c->library, memory_order_acquire);
	/* A program that calls from so many places: only with two libraries is it worth the time. */
	if (atomic_load_explicit(&n_callers, memory_order_relaxed) >= CALLERS_MAX && only &&
		!only->next)
		return only;
	return library_anew(from);
}

uint64_t library_limit_ns(const struct library *lib, void *mysql, int option)
{
	unsigned seconds = 0;

	(void)lib->real.get_option(mysql, option, &seconds);
	return seconds ? seconds * UINT64_C(1000000000) : UINT64_MAX / 4;
}

bool library_reconnects(const struct library *lib, void *mysql)
{
	client_bool chosen = 0;

	if (lib->opt_reconnect != 0)
		(void)lib->real.get_option(mysql, lib->opt_reconnect, &chosen);
	return chosen != 0;
}
