/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libdl.so.2 and libpthread.so.0 were before glibc 2.34, for the linker alone.
 *
 * From 2.34 on their functions are in libc.so.6, and a library that is linked there asks libc.so.6 for
 * them.  Before 2.30 the loader takes that to the letter, finds them elsewhere and ends the program.
 * Linked against these two the library asks for the old places, which all versions accept.
 */
void dladdr(void);
void dlclose(void);
void dlopen(void);
void dlsym(void);
void pthread_attr_setstacksize(void);
void pthread_create(void);

#ifdef FLOOR_DL
void dladdr(void)
{
}

void dlclose(void)
{
}

void dlopen(void)
{
}

void dlsym(void)
{
}
#else
void pthread_attr_setstacksize(void)
{
}

void pthread_create(void)
{
}
#endif
