/* SPDX-License-Identifier: Apache-2.0 */
/*
 * histories DIRECTORY SEED COUNT: so many things that a program does, by chance, while its connects
 * wait for a writer; the writers, the places to park at and the prober come and go meanwhile.
 *
 * After each deed some number, and after some hundred all, are compared with the model.  Then every
 * cluster gets a writer, and each connect that waits has to end there.  It prints what it saw, or
 * what is wrong with which number and the last deeds; the seed plays it again.
 */
#include "deeds.h"

#include <dirent.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define REST_EVERY 200
#define ORPHAN_EVERY 10 /* rests */

static struct world *const world = &model.world;
static unsigned kept; /* descriptors that are not the history's */

static unsigned count_descriptors(void)
{
	DIR *all = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(all))
		n++;
	closedir(all);
	return n - 3; /* itself, "." and ".." */
}

/* One is left over for a look at all of them. */
static bool is_ours_alone(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < NUMBERS; fd++)
		n += model.at[fd] != NULL;
	return count_descriptors() == kept + n;
}

static void close_all(bool all)
{
	for (int fd = 0; fd < NUMBERS; fd++) {
		if (!model.at[fd] || (!all && deeds_next() % 4))
			continue;
		close(fd);
		model_drop(&model, fd);
	}
}

static void end_children(void)
{
	int status;

	for (; model.children > 0; model.children--) {
		if (wait(&status) < 0 || status != 0)
			deeds_wrong(-1, "a child ended badly");
	}
}

static int host_of_writer(unsigned cluster)
{
	return HOST_WRITER + (int)(cluster * WRITERS) + world->writer[cluster];
}

/* A connect that waited, with a writer there: NULL, or why it is not done with yet. */
static const char *judge_due(const struct file *f, const struct standing *s)
{
	if (s->state == TCP_SYN_SENT)
		return "it waits though there is a writer";
	if ((s->state == TCP_CLOSE && model.lenient) || (s->host == HOST_DNS && model.gone))
		return NULL;
	return s->state == TCP_ESTABLISHED && s->host == host_of_writer(f->last) && !s->ended
		? NULL
		: "it waited, and is not at the writer";
}

/* Any other that a followed name has led somewhere. */
static const char *judge_other(const struct file *f, const struct standing *s)
{
	if (s->state == TCP_SYN_SENT)
		return "it is on the way though there is a writer";
	if (s->state != TCP_ESTABLISHED || s->ended || s->host == HOST_DNS)
		return NULL;
	for (unsigned c = 0; c < CLUSTERS; c++) {
		if ((f->clusters & (1u << c)) && s->host == host_of_writer(c))
			return NULL;
	}
	return "it is left on what is no writer";
}

static const char *judge(int fd)
{
	struct file *f = model.at[fd];
	struct standing s;

	if (!f || f->kind != VIRTUAL || f->home != fd)
		return NULL;
	if (!model_blocks_right(f, fd))
		return "it blocks, or does not, as the program never said";
	s = standing_of(fd);
	return f->due ? judge_due(f, &s) : judge_other(f, &s);
}

static void await_end(int fd, long until)
{
	const char *what;

	while ((what = judge(fd)) && deeds_now_ms() < until)
		deeds_pause(500);
	if (what)
		deeds_wrong(fd, what);
	if (model.at[fd] && model.at[fd]->due)
		model.redirected++;
}

/* At a place, or on the way to what never answers; this is taken away only from what does not block. */
static bool is_waiting(const struct file *f, const struct standing *s)
{
	return s->state == TCP_SYN_SENT &&
		(is_place(world, s) || (s->host == HOST_MUTE && !f->blocks));
}

static void note_waiting(int fd)
{
	struct file *f = model.at[fd];
	struct standing s = standing_of(fd);

	if (!f)
		return;
	f->due = f->home == fd && f->kind == VIRTUAL && is_waiting(f, &s);
	f->muted = f->muted || model.muted;
}

/* There is a prober, a place and a writer of each cluster: all must come right. */
static void rest(void)
{
	long until = deeds_now_ms() + DEEDS_PATIENCE_MS;

	end_children();
	world_tell_place(world, true);
	world_set_hold(world, 0);
	world_set_stale(world, false);
	for (unsigned c = 0; c < CLUSTERS; c++)
		world_set_writer(world, c, (int)(deeds_next() % MUTE));
	for (int fd = 0; fd < NUMBERS; fd++)
		note_waiting(fd);
	for (int fd = 0; fd < NUMBERS; fd++)
		await_end(fd, until);
	for (int fd = 0; fd < NUMBERS; fd++)
		deeds_check(fd);
	close_all(deeds_next() % 2);
	while (!is_ours_alone() && deeds_now_ms() < until)
		deeds_pause(500);
	if (!is_ours_alone())
		deeds_wrong(-1, "a descriptor is left, or is missing");
	model.lenient = model.muted = model.gone = false;
	for (unsigned c = 0; c < CLUSTERS && deeds_next() % 4; c++)
		world_set_writer(world, c, -1);
}

static int park(unsigned cluster)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct standing s;

	(void)connect(fd, (struct sockaddr *)&world->virtual_[cluster],
		sizeof(world->virtual_[cluster]));
	s = standing_of(fd);
	if (s.state != TCP_SYN_SENT || !is_place(world, &s))
		deeds_wrong(fd, "it is not parked while there is no writer");
	return fd;
}

/* In a child, who alone has left what its parent began. */
static void be_orphan(int inherited, int ready)
{
	int own = park(0);
	long until = deeds_now_ms() + DEEDS_PATIENCE_MS;
	struct standing s;

	if (write(ready, "", 1) != 1)
		_exit(2);
	while ((s = standing_of(own)).state != TCP_ESTABLISHED && deeds_now_ms() < until)
		usleep(500);
	if (s.state != TCP_ESTABLISHED || s.host != host_of_writer(0))
		_exit(3);
	usleep(20000);
	s = standing_of(inherited);
	_exit(s.state == TCP_SYN_SENT && is_place(world, &s) ? 0 : 4);
}

/* What a parent began is not for its child to redirect, though nobody else is left who could. */
static void check_orphan(void)
{
	int fd, ends[2], status = 0;
	char word;

	close_all(true);
	world_set_crowd(world, 0);
	world->writer[0] = 0; /* whom the child expects */
	world_set_writer(world, 0, -1);
	fd = park(0);
	if (pipe(ends) < 0)
		deeds_wrong(-1, "no pipe");
	pid_t pid = fork();

	if (pid == 0) {
		world->writer[0] = 0;
		be_orphan(fd, ends[1]);
	}
	close(ends[1]);
	if (read(ends[0], &word, 1) != 1)
		deeds_wrong(-1, "a child could not park");
	close(ends[0]);
	close(fd);
	world_set_writer(world, 0, 0);
	while (waitpid(pid, &status, WNOHANG) == 0)
		deeds_pause(1000);
	if (status != 0)
		deeds_wrong(-1,
			WEXITSTATUS(status) == 4 ? "a child has redirected its parent's"
						 : "a child's own connect went wrong");
}

int main(int argc, char **argv)
{
	const struct rlimit few = {NUMBERS, NUMBERS};
	unsigned long count = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;

	if (argc != 4)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	world_open(world, argv[1]);
	deeds_begin(strtoul(argv[2], NULL, 10));
	setrlimit(RLIMIT_NOFILE, &few);
	kept = count_descriptors();
	for (unsigned long i = 1; i <= count; i++) {
		deeds_do();
		if (i % REST_EVERY != 0)
			continue;
		rest();
		if (i / REST_EVERY % ORPHAN_EVERY == 0)
			check_orphan();
	}
	rest();
	close_all(true);
	printf("seed %s deeds %lu parked %lu redirected %lu refused %lu resets %lu slow %lu\n",
		argv[2], count, model.parked, model.redirected, model.refused, model.resets,
		model.slow);
	world_close(world);
	return 0;
}
