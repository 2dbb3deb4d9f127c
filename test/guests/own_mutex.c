/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that holds a recursive mutex while it looks a name up, and then takes it once more:
 *
 *   own_mutex NAME      prints "taken again", or why not; then waits for the end of its input
 */
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t mutex;
	struct addrinfo *list;
	int (*is_faithful)(void);
	void *symbol = dlsym(RTLD_DEFAULT, "old_clone_is_faithful");
	int r;

	memcpy(&is_faithful, &symbol, sizeof(is_faithful));
	if (argc < 2 || !symbol || !is_faithful()) {
		printf("not to be shown here\n");
		return 0;
	}
	(void)pthread_mutexattr_init(&attr);
	(void)pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	(void)pthread_mutex_init(&mutex, &attr);
	(void)pthread_mutex_lock(&mutex);
	if (getaddrinfo(argv[1], "3306", NULL, &list) == 0)
		freeaddrinfo(list);
	r = pthread_mutex_trylock(&mutex);
	printf("%s\n", r == 0 ? "taken again" : strerror(r));
	fflush(stdout);
	(void)getchar();
	return 0;
}
