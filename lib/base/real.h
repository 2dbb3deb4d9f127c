/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that the hooks stand in for, as the next library in line has them. */
#ifndef PELORUS_LIB_BASE_REAL_H
#define PELORUS_LIB_BASE_REAL_H

#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>

struct mmsghdr;

/* Members that the C library does not have are NULL: least_stack and register_atfork on musl. */
struct real {
	int (*connect)(int fd, const struct sockaddr *addr, socklen_t len);
	int (*getsockopt)(int fd, int level, int name, void *value, socklen_t *len);
	ssize_t (*sendto)(int fd, const void *buf, size_t n, int flags, const struct sockaddr *addr,
		socklen_t len);
	ssize_t (*sendmsg)(int fd, const struct msghdr *msg, int flags);
	int (*sendmmsg)(int fd, struct mmsghdr *list, unsigned n, int flags);
	ssize_t (*recvfrom)(int fd, void *buf, size_t n, int flags, struct sockaddr *addr,
		socklen_t *len);
	ssize_t (*recvmsg)(int fd, struct msghdr *msg, int flags);
	int (*getaddrinfo)(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **ret);
	void (*freeaddrinfo)(struct addrinfo *list);
	int (*getnameinfo)(const struct sockaddr *addr, socklen_t len, char *host,
		socklen_t host_len, char *service, socklen_t service_len, int flags);
	struct hostent *(*gethostbyname)(const char *name);
	struct hostent *(*gethostbyname2)(const char *name, int family);
	int (*gethostbyname_r)(const char *name, struct hostent *host, char *buf, size_t size,
		struct hostent **ret, int *ret_h_errno);
	int (*gethostbyname2_r)(const char *name, int family, struct hostent *host, char *buf,
		size_t size, struct hostent **ret, int *ret_h_errno);
	struct hostent *(*gethostbyaddr)(const void *addr, socklen_t len, int family);
	int (*gethostbyaddr_r)(const void *addr, socklen_t len, int family, struct hostent *host,
		char *buf, size_t size, struct hostent **ret, int *ret_h_errno);
	size_t (*least_stack)(const pthread_attr_t *attr); /* with the program's static TLS */
	int (*set_cancel_state)(int state, int *ret_before);
	int (*set_cancel_type)(int type, int *ret_before);
	int (*register_atfork)(void (*prepare)(void), void (*parent)(void), void (*child)(void),
		void *dso); /* glibc */
	int (*pthread_atfork)(void (*prepare)(void), void (*parent)(void), void (*child)(void));
	bool is_glibc;
};

/* Never NULL.  Another library's constructor may come here before ours: resolved then. */
const struct real *real_get(void);

#endif
