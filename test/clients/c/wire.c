/* SPDX-License-Identifier: Apache-2.0 */
/* One row of the client matrix, by the protocol itself; see test/clients/node/any.mjs: wire WRITER READER.
 *
 * It needs a libc and nothing else, so that it can be built for each: plain sockets, the handshake
 * of MySQL 4.1 with mysql_native_password (and the SHA-1 that it needs), COM_QUERY.  It has no TLS.
 * A connection is given up with its first error that is not the server's, and made anew when asked.
 */
#include <netdb.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SCRAMBLE 20
#define CAPABILITIES (0x1u | 0x8u | 0x200u | 0x2000u | 0x8000u | 0x80000u)
#define COM_QUERY 3

struct wire {
	int fd;
	uint8_t sequence;
	size_t length; /* of the last packet that was read */
	uint8_t packet[1 << 16];
};

struct told {
	int ok;
	char errors[4096];
	char value[256];
};

static struct wire connections[128];
static char **words;

static uint32_t rotate(uint32_t x, int n)
{
	return x << n | x >> (32 - n);
}

static void sha1_block(uint32_t h[5], const uint8_t *block)
{
	uint32_t w[80], v[5], f, k, t;

	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
			(uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (int i = 16; i < 80; i++)
		w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	memcpy(v, h, sizeof(v));
	for (int i = 0; i < 80; i++) {
		f = i < 20                  ? (v[1] & v[2]) | (~v[1] & v[3])
			: i < 40 || i >= 60 ? v[1] ^ v[2] ^ v[3]
					    : (v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3]);
		k = i < 20 ? 0x5a827999 : i < 40 ? 0x6ed9eba1 : i < 60 ? 0x8f1bbcdc : 0xca62c1d6;
		t = rotate(v[0], 5) + f + v[4] + k + w[i];
		v[4] = v[3], v[3] = v[2], v[2] = rotate(v[1], 30), v[1] = v[0], v[0] = t;
	}
	for (int i = 0; i < 5; i++)
		h[i] += v[i];
}

/* Of less than 56 bytes, which are one block. */
static void sha1(const void *text, size_t n, uint8_t digest[20])
{
	uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
	uint8_t block[64] = {0};

	memcpy(block, text, n);
	block[n] = 0x80;
	block[62] = (uint8_t)(n >> 5);
	block[63] = (uint8_t)(n << 3);
	sha1_block(h, block);
	for (int i = 0; i < 20; i++)
		digest[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}

/* SHA1(password) XOR SHA1(scramble, SHA1(SHA1(password))) */
static void native_password(const char *password, const uint8_t *scramble, uint8_t answer[20])
{
	uint8_t once[20], joined[SCRAMBLE + 20];

	sha1(password, strlen(password), once);
	memcpy(joined, scramble, SCRAMBLE);
	sha1(once, sizeof(once), joined + SCRAMBLE);
	sha1(joined, sizeof(joined), answer);
	for (int i = 0; i < 20; i++)
		answer[i] ^= once[i];
}

static int read_all(int fd, uint8_t *to, size_t n)
{
	for (ssize_t r; n > 0; to += r, n -= (size_t)r) {
		r = recv(fd, to, n, 0);
		if (r <= 0)
			return -1;
	}
	return 0;
}

static int read_packet(struct wire *w)
{
	uint8_t head[4];

	if (read_all(w->fd, head, sizeof(head)) < 0)
		return -1;
	w->length = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16;
	w->sequence = (uint8_t)(head[3] + 1);
	if (w->length == 0 || w->length >= sizeof(w->packet))
		return -1;
	w->packet[w->length] = '\0';
	return read_all(w->fd, w->packet, w->length);
}

static int send_packet(struct wire *w, const uint8_t *body, size_t n)
{
	uint8_t all[2048] = {(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), w->sequence};

	if (n + 4 > sizeof(all))
		return -1;
	memcpy(all + 4, body, n);
	return send(w->fd, all, n + 4, MSG_NOSIGNAL) == (ssize_t)(n + 4) ? 0 : -1;
}

/* The greeting: version, thread, 8 bytes of the scramble, 19 of this and that, 12 more bytes. */
static int log_in(struct wire *w)
{
	uint8_t scramble[SCRAMBLE],
		body[256] = {CAPABILITIES & 0xff, CAPABILITIES >> 8 & 0xff,
			CAPABILITIES >> 16 & 0xff, 0, [7] = 1, [8] = 45};
	size_t version, n = 32;

	if (read_packet(w) < 0 || w->packet[0] != 10)
		return -1;
	version = 1 + strlen((char *)w->packet + 1) + 1;
	if (version + 4 + 8 + 19 + 12 > w->length)
		return -1;
	memcpy(scramble, w->packet + version + 4, 8);
	memcpy(scramble + 8, w->packet + version + 4 + 8 + 19, 12);
	memcpy(body + n, "app\0\x14", 5);
	native_password("app", scramble, body + n + 5);
	n += 25;
	memcpy(body + n, "app\0mysql_native_password", 26);
	if (send_packet(w, body, n + 26) < 0 || read_packet(w) < 0)
		return -1;
	return w->packet[0] == 0 ? 0 : -1;
}

static int dial(const char *name)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
	int fd;

	if (getaddrinfo(name, "3306", &hints, &list) != 0)
		return -1;
	fd = socket(list->ai_family, list->ai_socktype | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, list->ai_addr, list->ai_addrlen) < 0) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(list);
	return fd;
}

static void leave(struct wire *w)
{
	if (w->fd > 0)
		close(w->fd);
	w->fd = 0;
}

static void add_error(struct told *told, const char *text)
{
	size_t used = strlen(told->errors);

	snprintf(told->errors + used, sizeof(told->errors) - used, "%s\"%.150s\"", used ? ", " : "",
		text);
}

/* Rows of text: the first value of the first one. */
static int read_rows(struct wire *w, struct told *told)
{
	for (int ends = 0, first = 1; ends < 2;) {
		if (read_packet(w) < 0)
			return -1;
		if (w->packet[0] == 0xfe && w->length < 9) {
			ends++;
		} else if (ends == 1 && first) {
			snprintf(told->value, sizeof(told->value), "%.*s", w->packet[0],
				w->packet + 1);
			first = 0;
		}
	}
	return 0;
}

static int ask(struct wire *w, const char *sql, struct told *told)
{
	uint8_t body[1024] = {COM_QUERY};
	size_t n = strlen(sql) + 1;

	if (n > sizeof(body))
		return -1;
	memcpy(body + 1, sql, n - 1);
	w->sequence = 0;
	if (send_packet(w, body, n) < 0 || read_packet(w) < 0)
		return -1;
	if (w->packet[0] == 0xff) { /* its number, #, SQLSTATE, its words */
		add_error(told, (char *)w->packet + 9);
		return 0;
	}
	if (w->packet[0] != 0 && read_rows(w, told) < 0)
		return -1;
	told->ok++;
	return 0;
}

static void run(struct told *told, char verb, const char *sql)
{
	struct wire *w = &connections[(int)(verb == 'h' ? 'w' : verb)];

	if (w->fd <= 0) {
		w->fd = dial(words[verb == 'r' ? 2 : 1]);
		if (w->fd < 0) {
			add_error(told, "cannot connect");
			return;
		}
		if (log_in(w) < 0) {
			add_error(told, "cannot log in");
			leave(w);
			return;
		}
	}
	if (ask(w, sql, told) < 0) {
		add_error(told, "the connection was lost");
		leave(w);
	}
}

int main(int argc, char **argv)
{
	char line[1000], *sql;

	if (argc < 3 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return 2;
	words = argv;
	while (fgets(line, sizeof(line), stdin)) {
		struct told told = {0};
		long n = strtol(line + 1, &sql, 10);

		line[strcspn(line, "\n")] = '\0';
		for (int i = 0; line[0] == 'x' && i < 128; i++)
			leave(&connections[i]);
		for (; line[0] != 'x' && n > 0; n--)
			run(&told, line[0], sql + 1);
		printf("{\"ok\": %d, \"errors\": [%s], \"value\": \"%s\"}\n", told.ok, told.errors,
			told.value);
		fflush(stdout);
	}
	return 0;
}
