/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets.h"

#include "rules/sever.h"

#include <dirent.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PACKET 32768

static int add(struct open_sockets *s, const struct open_socket *socket)
{
	struct open_socket *grown;

	if ((s->n & (s->n - 1)) == 0) {
		grown = realloc(s->list, (s->n ? 2 * s->n : 1) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		s->list = grown;
	}
	s->list[s->n++] = *socket;
	return 0;
}

/* Since it was answered; 0 while it waits for that. */
static uint32_t idle_of(const struct nlmsghdr *head, const struct inet_diag_msg *m)
{
	const struct rtattr *a = (const struct rtattr *)(m + 1);
	int left = (int)(head->nlmsg_len - NLMSG_LENGTH(sizeof(*m)));
	struct tcp_info info = {0};

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type != INET_DIAG_INFO)
			continue;
		memcpy(&info, RTA_DATA(a),
			RTA_PAYLOAD(a) < sizeof(info) ? RTA_PAYLOAD(a) : sizeof(info));
	}
	return sever_is_answered(info.tcpi_last_data_sent, info.tcpi_last_data_recv,
		       info.tcpi_last_ack_recv)
		? info.tcpi_last_data_recv
		: 0;
}

/* A mapped IPv4 address is one. */
static struct pel_addr peer_of(const struct inet_diag_msg *m)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255};
	struct pel_addr a = {.family = m->idiag_family == AF_INET6 ? 6 : 4,
		.port = ntohs(m->id.idiag_dport)};

	memcpy(a.ip, m->id.idiag_dst, a.family == 6 ? 16 : 4);
	if (a.family == 6 && memcmp(a.ip, mapped, sizeof(mapped)) == 0) {
		memmove(a.ip, a.ip + 12, 4);
		memset(a.ip + 4, 0, 12);
		a.family = 4;
	}
	return a;
}

/* One packet of the answer: 1 if it was the last, 0, -errno. */
static int packet_take(struct open_sockets *s, const char *packet, size_t n)
{
	const struct nlmsghdr *head = (const struct nlmsghdr *)packet;
	int r = 0;

	for (; NLMSG_OK(head, n) && r == 0; head = NLMSG_NEXT(head, n)) {
		const struct inet_diag_msg *m = NLMSG_DATA(head);
		struct open_socket socket;

		if (head->nlmsg_type == NLMSG_DONE)
			return 1;
		if (head->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(head))->error;
		socket = (struct open_socket){.inode = m->idiag_inode,
			.peer = peer_of(m),
			.idle_ms = idle_of(head, m)};
		r = add(s, &socket);
	}
	return r;
}

static int family_read(struct open_sockets *s, int fd, int family)
{
	_Alignas(struct nlmsghdr) char packet[PACKET];
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 ask;
	} request = {
		.head = {.nlmsg_len = sizeof(request),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.ask = {.sdiag_family = (uint8_t)family,
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_ext = 1 << (INET_DIAG_INFO - 1),
			.idiag_states = 1 << TCP_ESTABLISHED},
	};
	int r = 0;

	if (send(fd, &request, sizeof(request), 0) < 0)
		return -errno;
	while (r == 0) {
		ssize_t n = recv(fd, packet, sizeof(packet), 0);

		r = n < 0 ? -errno : packet_take(s, packet, (size_t)n);
	}
	return r < 0 ? r : 0;
}

static int compare(const void *a, const void *b)
{
	const struct open_socket *x = a, *y = b;

	return x->inode < y->inode ? -1 : x->inode > y->inode;
}

int open_sockets_read(struct open_sockets *ret)
{
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), r;

	*ret = (struct open_sockets){0};
	if (fd < 0)
		return -errno;
	r = family_read(ret, fd, AF_INET);
	if (r == 0)
		r = family_read(ret, fd, AF_INET6);
	(void)close(fd);
	if (ret->n)
		qsort(ret->list, ret->n, sizeof(*ret->list), compare);
	return r;
}

void open_sockets_free(struct open_sockets *s)
{
	free(s->list);
}

/* The inode behind a descriptor that is a socket, or 0. */
static uint64_t inode_at(int dirfd, const char *name)
{
	char text[64];
	ssize_t n = readlinkat(dirfd, name, text, sizeof(text) - 1);
	unsigned long long inode = 0;

	text[n > 0 ? n : 0] = '\0';
	return sscanf(text, "socket:[%llu]", &inode) == 1 ? inode : 0;
}

/*
 * Whether it is of our network namespace, whose connections are told.  Who may not look behind its
 * descriptors, though he may list them, may not ask this either.
 */
static bool is_seen(pid_t pid)
{
	struct stat own, its;
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	return stat("/proc/self/ns/net", &own) == 0 && stat(path, &its) == 0 &&
		own.st_ino == its.st_ino;
}

int open_sockets_of(const struct open_sockets *s, pid_t pid, open_socket_found *found, void *ctx)
{
	char path[32];
	struct dirent *entry;
	DIR *dir;
	int n = 0;

	if (!is_seen(pid))
		return -EACCES;
	(void)snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		struct open_socket key = {.inode = inode_at(dirfd(dir), entry->d_name)};
		struct open_socket *at = key.inode && s->n
			? bsearch(&key, s->list, s->n, sizeof(key), compare)
			: NULL;

		if (!at)
			continue;
		found(ctx, at);
		n++;
	}
	(void)closedir(dir);
	return n;
}
