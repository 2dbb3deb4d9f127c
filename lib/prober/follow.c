/* SPDX-License-Identifier: Apache-2.0 */
#include "follow.h"

#include "envcreds.h"
#include "netcheck.h"
#include "slot.h"
#include "spawn.h"
#include "common/names.h"
#include "common/text.h"
#include "common/clock.h"
#include "base/env.h"
#include "base/environ.h"
#include "base/process.h"
#include "base/quiet.h"
#include "base/say.h"
#include "known/block.h"
#include "known/control.h"
#include "known/mapview.h"

#include <pelorus/control.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define AGAIN_NS UINT64_C(1000000000)
#define ANSWER_MS 1000

bool follow_owns_block(void)
{
	const struct block *block = block_get();

	if (block_use() == BLOCK_UNSEEN) {
		struct quiet quiet = quiet_begin();
		bool taken = netcheck_is_taken(block->net4, block->bits4);

		block_note_use(taken ? BLOCK_TAKEN : BLOCK_FREE);
		quiet_end(quiet);
	}
	return block_use() == BLOCK_FREE;
}

/* Before the first address is handed out: afterwards somebody may rely on it. */
static bool may_hand_out(void)
{
	if (followed_count() > 0 || follow_owns_block())
		return true;
	say(SAY_BLOCK_TAKEN, NULL);
	env_switch_off();
	return false;
}

struct followed *follow_name(const char *name)
{
	struct followed *f;
	int r;

	(void)mapview_get(clock_now_ns());
	if (!may_hand_out())
		return NULL;
	r = followed_add(name, pel_name_hash(name), env_role_of(env_get(), name), &f);
	if (r == -EEXIST)
		say(SAY_COLLISION, name);
	if (r == -ENOSPC)
		say(SAY_TOO_MANY_NAMES, name);
	return r == 0 ? f : NULL;
}

struct packet {
	char text[PEL_CONTROL_MAX];
	bool full;
};

static void put(struct packet *p, const char *key, const char *value)
{
	p->full |= pel_control_put(p->text, sizeof(p->text), key, value) < 0;
}

static void put_number(struct packet *p, const char *key, uint32_t n)
{
	char digits[12] = "";

	text_append_number(digits, sizeof(digits), n);
	put(p, key, digits);
}

static void put_credentials(struct packet *p, const struct envcreds *creds)
{
	put(p, "user", creds->user);
	put(p, "password", creds->password);
	put(p, "ssl", creds->ssl ? "1" : "0");
	if (*creds->ssl_ca)
		put(p, "ssl-ca", creds->ssl_ca);
	if (creds->ssl_verify)
		put(p, "ssl-verify", "1");
}

/* Connects and sends; the descriptor, or below 0. */
static int send_request(const struct packet *p, const char *directory)
{
	size_t n = strlen(p->text);
	int fd = control_open(directory);

	if (fd < 0 || send(fd, p->text, n, MSG_NOSIGNAL) == (ssize_t)n)
		return fd;
	(void)close(fd);
	return -1;
}

static bool send_packet(const struct packet *p, const char *directory)
{
	int fd = send_request(p, directory);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

/* True if somebody listens, or did: without a prober the host shall not even see a socket made. */
static bool find_control(struct pel_rundir *ret)
{
	int dirfd = mapview_open_dir(ret, false);
	struct stat st;
	bool found;

	if (dirfd < 0)
		return false;
	found = fstatat(dirfd, PEL_RUN_CONTROL, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISSOCK(st.st_mode);
	(void)close(dirfd);
	return found;
}

/* False if there is nobody to ask. */
static bool request_begin(struct packet *p, struct pel_rundir *dir, const char *verb,
	const struct followed *f)
{
	p->text[0] = '\0';
	p->full = false;
	if (!find_control(dir))
		return false;
	text_append(p->text, sizeof(p->text), verb);
	text_append(p->text, sizeof(p->text), "\n");
	put(p, "name", f->name);
	return true;
}

/* A system prober takes no credentials from us.  `creds` may be NULL. */
static bool send_follow(const struct followed *f, uint16_t port, const struct envcreds *creds)
{
	struct packet p;
	struct pel_rundir dir;
	bool sent;

	if (!request_begin(&p, &dir, "follow", f))
		return false;
	if (port)
		put_number(&p, "port", port);
	put_number(&p, "pid", (uint32_t)getpid());
	if (creds && dir.kind != PEL_RUNDIR_SYSTEM)
		put_credentials(&p, creds);
	sent = !p.full && send_packet(&p, dir.path);
	text_wipe(&p, sizeof(p));
	return sent;
}

static bool send_follow_by_environment(const struct followed *f, uint16_t port)
{
	struct envcreds creds;
	bool has = envcreds_find(environ_get(), f->name, &creds);
	bool sent = send_follow(f, port, has ? &creds : NULL);

	text_wipe(&creds, sizeof(creds));
	return sent;
}

void follow_port(struct followed *f, uint16_t port)
{
	struct quiet quiet = quiet_begin();

	if (port != 0 && atomic_load(&f->told_port) != port && send_follow_by_environment(f, port))
		atomic_store(&f->told_port, port);
	quiet_end(quiet);
}

void follow_hand_over(const struct followed *f, uint16_t port, const struct envcreds *creds)
{
	struct quiet quiet = quiet_begin();

	(void)send_follow(f, port, creds);
	quiet_end(quiet);
}

void follow_hint(const struct followed *f, bool refused)
{
	struct packet p;
	struct pel_rundir dir;
	struct quiet quiet = quiet_begin();

	if (request_begin(&p, &dir, "hint", f)) {
		if (refused)
			put(&p, "refused", "1");
		(void)send_packet(&p, dir.path);
	}
	quiet_end(quiet);
}

/* True if a living prober would learn something from us. */
static bool is_news(const struct followed *f, const struct pel_map *map)
{
	struct pel_ref ref;
	struct pel_hot hot;
	struct envcreds creds;
	bool helps;

	if (mapview_read(map, f->name, f->hash, &ref, &hot) < 0)
		return true;
	/* While it starts nobody knows yet whether ours are needed. */
	if (!hot.dns_only &&
		(hot.state != PEL_STATE_UNKNOWN ||
			(hot.why != PEL_WHY_NO_CREDENTIALS && hot.why != PEL_WHY_DENIED &&
				hot.why != PEL_WHY_STARTING)))
		return false;
	helps = envcreds_find(environ_get(), f->name, &creds);
	text_wipe(&creds, sizeof(creds));
	return helps && atomic_load(&f->followed_ns) < map->header.start_ns;
}

bool follow_tell(struct followed *f, uint16_t port, uint64_t now_ns)
{
	const struct pel_map *map = mapview_get(now_ns);
	uint64_t told = atomic_load(&f->followed_ns);
	bool lives, expected;
	struct quiet quiet;

	if (process_check() == PROCESS_BORROWED)
		return false;
	quiet = quiet_begin();
	/* What is wrong with the directory or the map is told only now, when somebody needs it. */
	if (!map)
		map = mapview_look(now_ns);
	expected = lives = mapview_is_fresh(map, now_ns);
	if (lives)
		slot_follow(f->hash, now_ns);
	else
		expected = spawn_prober(now_ns);
	if ((lives && !is_news(f, map)) || now_ns - told < AGAIN_NS)
		goto out;
	if (!send_follow_by_environment(f, port))
		goto out;
	if (port)
		atomic_store(&f->told_port, port);
	(void)atomic_compare_exchange_strong(&f->followed_ns, &told, now_ns);
out:
	quiet_end(quiet);
	return expected;
}

/* The length of an answer, or -EAGAIN. */
static ssize_t read_answer(int fd, char *ret, size_t size)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	ssize_t n = poll(&wait, 1, ANSWER_MS) == 1 ? read(fd, ret, size - 1) : 0;

	if (n <= 0)
		return -EAGAIN;
	ret[n] = '\0';
	return n;
}

bool follow_is_refused(const struct followed *f, uint16_t port)
{
	struct quiet quiet = quiet_begin();
	struct pel_rundir dir;
	struct packet p;
	char answer[256];
	bool refused = false;
	int fd = -1;

	if (request_begin(&p, &dir, "follow", f)) {
		if (port)
			put_number(&p, "port", port);
		put_number(&p, "pid", (uint32_t)getpid());
		fd = send_request(&p, dir.path);
	}
	if (fd >= 0) {
		refused = read_answer(fd, answer, sizeof(answer)) > 0 &&
			strncmp(answer, "error ", 6) == 0;
		(void)close(fd);
	}
	quiet_end(quiet);
	return refused;
}

/* The answer to a `token`: what follows "ok" up to the line's end. */
static int read_token(int fd, char *ret, size_t size)
{
	static const char not_yet[] = "error no-key", unknown[] = "error unfollowed";
	ssize_t n = read_answer(fd, ret, size);

	if (n < 0)
		return -EAGAIN;
	if (strncmp(ret, not_yet, sizeof(not_yet) - 1) == 0 ||
		strncmp(ret, unknown, sizeof(unknown) - 1) == 0)
		return -EAGAIN;
	if (strncmp(ret, "ok\n", 3) != 0)
		return -EPROTO;
	if ((size_t)n == size - 1)
		return -ENOBUFS;
	memmove(ret, ret + 3, (size_t)n - 2);
	ret[strcspn(ret, "\n")] = '\0';
	return *ret ? 0 : -EPROTO;
}

int follow_token(const struct followed *f, uint16_t port, const char *user, char *ret, size_t size)
{
	struct packet p;
	struct pel_rundir dir;
	int fd, r;

	if (!request_begin(&p, &dir, "token", f))
		return -EAGAIN;
	put_number(&p, "port", port);
	put(&p, "user", user);
	if (p.full)
		return -ENOBUFS;
	fd = send_request(&p, dir.path);
	if (fd < 0)
		return -EAGAIN;
	r = read_token(fd, ret, size);
	(void)close(fd);
	return r;
}
