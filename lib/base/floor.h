/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor of the library: glibc 2.17, and musl.
 *
 * Included before everything else in every file of libpelorus.so.  Functions that a later glibc
 * moved from libdl and libpthread into libc got a new version there, which an older one lacks, and
 * an unknown version keeps every preloaded process from starting.  Their first version is still
 * served by all of them; musl ignores versions.  (fstat and its kin are in floor.c.)
 */
#ifndef PELORUS_LIB_BASE_FLOOR_H
#define PELORUS_LIB_BASE_FLOOR_H

#include <features.h>

#ifdef __GLIBC__
#if defined(__x86_64__)
#define FLOOR_VERSION "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define FLOOR_VERSION "GLIBC_2.17"
#else
#error "which version did this architecture's glibc begin with?"
#endif
__asm__(".symver dladdr,dladdr@" FLOOR_VERSION);
__asm__(".symver dlclose,dlclose@" FLOOR_VERSION);
__asm__(".symver dlopen,dlopen@" FLOOR_VERSION);
__asm__(".symver dlsym,dlsym@" FLOOR_VERSION);
__asm__(".symver pthread_attr_setstacksize,pthread_attr_setstacksize@" FLOOR_VERSION);
__asm__(".symver pthread_create,pthread_create@" FLOOR_VERSION);
#endif

#endif
