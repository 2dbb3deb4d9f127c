/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pelorusd's own getaddrinfo().
 *
 * libmariadb resolves the name that it is given inside its connect, and verifies the certificate
 * against that name.  The prober has resolved it already, on its loop.  So the program defines
 * getaddrinfo() itself: while an answer is laid ready in this thread, it is the answer to that name
 * and no other name is asked for; otherwise, and in other threads (curl's resolver), libc's runs.
 */
#ifndef GETADDRINFO_H
#define GETADDRINFO_H

#include <pelorus/map.h>

/* Lays an answer ready, both arguments as long as it lies there; NULL takes it away. */
void getaddrinfo_prepare(const char *host, const struct pel_addr *addr);

#endif
