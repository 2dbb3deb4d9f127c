/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that holds a recursive mutex while it looks a name up, and then does what depends on who
 * libc thinks that its thread is:
 *
 *   own_mutex NAME      prints "the same", or what is wrong; then waits for the end of its input
 */
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static void count(int sig)
{
	(void)sig;
	caught++;
}

/* Where a shim plays the old glibc, whether it can on this one. */
static int is_to_be_shown(void)
{
	void *symbol = dlsym(RTLD_DEFAULT, "old_clone_is_faithful");
	int (*is_faithful)(void);

	memcpy(&is_faithful, &symbol, sizeof(is_faithful));
	return !symbol || is_faithful();
}

static void tell_who_we_are(pthread_mutex_t *mutex)
{
	int is_ours = pthread_mutex_trylock(mutex) == 0;
	int is_process = getpid() == (pid_t)syscall(SYS_getpid);
	int is_raised = raise(SIGUSR1) == 0 && caught == 1;
	int is_killed = pthread_kill(pthread_self(), SIGUSR1) == 0 && caught == is_raised + 1;

	printf("%s%s%s%s%s\n", is_ours ? "" : "not its mutex; ", is_process ? "" : "not its pid; ",
		is_raised ? "" : "raise() fails; ", is_killed ? "" : "pthread_kill() fails; ",
		is_ours && is_process && is_raised && is_killed ? "the same" : "");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t mutex;
	struct addrinfo *list;

	if (argc < 2 || !is_to_be_shown()) {
		printf("not to be shown here\n");
		return 0;
	}
	(void)signal(SIGUSR1, count);
	(void)pthread_mutexattr_init(&attr);
	(void)pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	(void)pthread_mutex_init(&mutex, &attr);
	(void)pthread_mutex_lock(&mutex);
	if (getaddrinfo(argv[1], "3306", NULL, &list) == 0)
		freeaddrinfo(list);
	tell_who_we_are(&mutex);
	(void)getchar();
	return 0;
}
