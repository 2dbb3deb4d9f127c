/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client libraries of this process, and which of them a caller means.
 *
 * An extension module may have loaded its library RTLD_LOCAL, and two modules may bring two
 * libraries: so the caller's own object is asked first, by the return address, then what comes
 * behind us in the global scope, then every loaded object.  The answer is remembered for all of the
 * caller's object; a library that was found stays loaded.
 */
#ifndef PELORUS_LIB_CLIENT_LIBRARY_H
#define PELORUS_LIB_CLIENT_LIBRARY_H

#include "functions.h"
#include <stdbool.h>
#include <stdint.h>

struct library {
	struct client_functions real;
	uintptr_t start, size; /* its code; a call from there is not the application's */
	int opt_reconnect;     /* the option's number, 0 if in-place reconnection is off here */
	bool is_mariadb;
	struct library *next;
};

/* The library that a call from `from` means; NULL if there is none. */
const struct library *library_of(const void *from);

/* The same for a call that connects, whose caller may have taken another's place. */
const struct library *library_anew(const void *from);

/* True if the address is in the library's own code. */
static inline bool library_contains(const struct library *lib, const void *address)
{
	return (uintptr_t)address - lib->start < lib->size;
}

/* A limit of the program's on this MYSQL*, CLIENT_OPT_*_TIMEOUT; "for ever" if it has set none. */
uint64_t library_limit_ns(const struct library *lib, void *mysql, int option);

/* True if the library itself connects anew when it finds the connection lost. */
bool library_reconnects(const struct library *lib, void *mysql);

#endif
