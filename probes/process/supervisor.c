/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor's loop: signals, the worker's messages, and the time of the next start.
 *
 * It is kept so simple that it has nothing to die of: no network, no parsing of what clients say,
 * fixed memory.  A worker that dies is replaced at once; one that dies again and again is given
 * ever more time, up to a minute.  One that hangs, and so says nothing for ten seconds, is killed.
 */
#include "supervisor.h"

#include "channel.h"
#include "base/events.h"
#include "control/control.h"
#include "engine/switches.h"
#include "keep.h"
#include "base/log.h"
#include "notify.h"
#include "park.h"
#include "base/secret.h"
#include "logic/watchdog.h"
#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 10000 /* a worker that lived so long died of something new */
#define STOP_LIMIT_MS 3000
#define REST_MAX_MS 60000
#define FAILURES_AT_START 3
#define NEVER INT64_MAX

struct supervisor {
	const struct supervisor_options *o;
	struct station station;
	struct park park;
	struct config *config;
	struct log *log;
	struct events *events;
	struct keep *keep;
	struct switches *switches;
	char *message; /* PEL_CONTROL_MAX + 1 bytes that no core dump contains */
	int signal_fd;
	int ready_fd;
	int channel;  /* to the worker; -1: there is none */
	pid_t worker; /* 0: there is none */
	bool is_worker;
	bool ever_ready;
	bool stopping;
	unsigned failures;        /* in a row */
	struct watchdog watchdog; /* over the worker */
	int64_t worker_since_ms;
	int64_t start_at_ms; /* of the next worker */
	int64_t kill_at_ms;  /* when stopping has taken too long */
	int status;          /* of the process, once the loop is over */
	bool over;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void tell_starter(struct supervisor *s, int status)
{
	const char byte = (char)status;

	if (s->ready_fd < 0)
		return;
	(void)!write(s->ready_fd, &byte, 1);
	(void)close(s->ready_fd);
	s->ready_fd = -1;
}

static void finish(struct supervisor *s, int status)
{
	s->status = status;
	s->over = true;
	tell_starter(s, status);
}

static int follow_from_options(struct supervisor *s)
{
	const struct options *o = s->o->options;

	for (unsigned i = 0; i < o->n_follows; i++) {
		char text[PEL_CONTROL_MAX] = "follow\n", name[PEL_NAME_MAX + 8];
		char *colon;
		int r;

		if (snprintf(name, sizeof(name), "%s", o->follows[i]) >= (int)sizeof(name))
			return -ENAMETOOLONG;
		colon = strrchr(name, ':');
		if (colon)
			*colon++ = '\0';
		r = pel_control_put(text, sizeof(text), "name", name);
		if (r == 0 && colon)
			r = pel_control_put(text, sizeof(text), "port", colon);
		if (r == 0)
			r = pel_control_put(text, sizeof(text), "permanent", "1");
		if (r == 0)
			r = keep_add(s->keep, text, strlen(text));
		if (r < 0)
			return r;
	}
	return 0;
}

static int replay(struct supervisor *s)
{
	size_t at = 0, size;
	const char *request;
	int r = 0;

	while (r == 0 && (request = keep_next(s->keep, &at, &size)))
		r = channel_send(s->channel, request, size);
	return r < 0 ? r : channel_say(s->channel, "replayed");
}

static void worker_become(struct supervisor *s, int channel)
{
	sigset_t none;

	(void)close(s->signal_fd);
	s->signal_fd = -1;
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	if (s->ready_fd >= 0)
		(void)close(s->ready_fd);
	s->ready_fd = -1;
	s->channel = channel;
	s->is_worker = true;
	s->worker = 0;
}

/* Returns twice, as fork() does: s->is_worker tells in which process. */
static int worker_start(struct supervisor *s)
{
	int ends[2], r = channel_new(ends);
	pid_t pid;

	if (r < 0)
		return r;
	pid = fork();
	if (pid == 0) {
		(void)close(ends[0]);
		worker_become(s, ends[1]);
		return 0;
	}
	r = pid < 0 ? -errno : 0;
	(void)close(ends[1]);
	if (r < 0) {
		(void)close(ends[0]);
		return r;
	}
	s->worker = pid;
	s->channel = ends[0];
	s->worker_since_ms = now_ms();
	watchdog_start(&s->watchdog, s->worker_since_ms);
	s->start_at_ms = NEVER;
	return replay(s) == -EPIPE ? 0 : r; /* one that died at once is seen by its end */
}

static void rest_begin(struct supervisor *s)
{
	int64_t rest_ms;

	if (now_ms() - s->worker_since_ms > PATIENCE_MS)
		s->failures = 0;
	rest_ms = s->failures < 3 ? 0 : INT64_C(500) << (s->failures < 10 ? s->failures - 2 : 8);
	s->failures++;
	s->start_at_ms = now_ms() + (rest_ms < REST_MAX_MS ? rest_ms : REST_MAX_MS);
	if (!s->ever_ready && s->failures >= FAILURES_AT_START)
		finish(s, 1);
}

/* Somebody deleted or replaced our place; another prober may have taken the new one already. */
static void station_renew(struct supervisor *s)
{
	const struct pel_rundir rundir = s->station.rundir;
	int r;

	station_close(&s->station);
	r = station_open(&rundir, &s->station);
	if (r < 0) {
		log_say(s->log, LOG_WARNING, "directory-lost", NULL, NULL, "%s: %s", rundir.path,
			r == -EBUSY ? "another prober is at work there" : strerror(-r));
		finish(s, r == -EBUSY ? 0 : 1);
	}
	s->start_at_ms = now_ms();
}

static void worker_mourn(struct supervisor *s, int status)
{
	if (WIFSIGNALED(status))
		log_event(s->log, LOG_WARNING, "worker-died", NULL, NULL,
			"the worker ended by signal %d (%s)", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	else
		log_event(s->log, LOG_WARNING, "worker-died", NULL, NULL,
			"the worker ended with status %d", WEXITSTATUS(status));
	rest_begin(s);
}

static void worker_ended(struct supervisor *s, int status)
{
	if (s->channel >= 0)
		(void)close(s->channel);
	s->channel = -1;
	s->worker = 0;
	if (s->stopping || (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_STOPPED))
		finish(s, 0);
	else if (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_MOVED)
		station_renew(s);
	else
		worker_mourn(s, status);
}

static void stop_begin(struct supervisor *s)
{
	s->stopping = true;
	(void)notify_send("STOPPING=1");
	if (!s->worker) {
		finish(s, 0);
		return;
	}
	(void)channel_say(s->channel, "stop");
	(void)kill(s->worker, SIGCONT);
	s->kill_at_ms = now_ms() + STOP_LIMIT_MS;
}

static void on_signal(struct supervisor *s)
{
	struct signalfd_siginfo info;
	int status;

	if (read(s->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP) {
		(void)notify_send_reloading();
		if (s->worker)
			(void)channel_say(s->channel, "reload");
	} else if (info.ssi_signo == SIGCHLD) {
		if (s->worker && waitpid(s->worker, &status, WNOHANG) == s->worker)
			worker_ended(s, status);
	} else {
		stop_begin(s);
	}
}

/* The worker has checked the file; what it found good is what the next worker falls back to. */
static void configuration_renew(struct supervisor *s)
{
	struct config_error error;
	struct config *config;

	if (config_load(s->o->config_path, &config, &error) == 0) {
		config_free(s->config);
		s->config = config;
		log_set_format(s->log, options_log_format(s->o->options, config));
	}
}

static void on_ready(struct supervisor *s)
{
	s->ever_ready = true;
	tell_starter(s, 0);
	(void)notify_send("READY=1\nSTATUS=Probing.");
}

static void on_message(struct supervisor *s)
{
	ssize_t n = channel_receive(s->channel, s->message);
	struct control_request request;
	const char *why, *name;

	if (n <= 0) {
		(void)close(s->channel); /* SIGCHLD tells how it ended */
		s->channel = -1;
		return;
	}
	if (strcmp(s->message, "ready") == 0) {
		on_ready(s);
	} else if (strcmp(s->message, "reloaded") == 0) {
		configuration_renew(s);
		(void)notify_send("READY=1");
	} else if (strcmp(s->message, "reload-failed") == 0) {
		(void)notify_send("READY=1");
	} else if (strcmp(s->message, "alive") == 0) {
		watchdog_heard(&s->watchdog, now_ms());
		if (getenv("WATCHDOG_USEC"))
			(void)notify_send("WATCHDOG=1");
	} else if (strncmp(s->message, "forget\n", 7) == 0) {
		if (control_parse(s->message, (size_t)n, &request, &why) == 0 &&
			(name = control_get(&request, "name")))
			keep_forget(s->keep, name);
	} else if (strncmp(s->message, KEEP_DROP, strlen(KEEP_DROP)) == 0) {
		keep_drop(s->keep, s->message + strlen(KEEP_DROP), (size_t)n - strlen(KEEP_DROP));
	} else {
		(void)keep_add(s->keep, s->message, (size_t)n);
	}
	explicit_bzero(s->message, (size_t)n);
}

static int timeout_ms(const struct supervisor *s)
{
	int64_t at = s->worker ? watchdog_deadline(&s->watchdog) : s->start_at_ms, left;

	if (s->kill_at_ms < at)
		at = s->kill_at_ms;
	if (at == NEVER)
		return -1;
	left = at - now_ms();
	return left < 0 ? 0 : (int)left;
}

static void worker_kill(struct supervisor *s)
{
	(void)kill(s->worker, SIGKILL);
	s->kill_at_ms = NEVER;
}

/* Its end is seen, and it is replaced, like that of any other. */
static void worker_watch(struct supervisor *s)
{
	if (!s->worker || !watchdog_look(&s->watchdog, now_ms()))
		return;
	log_event(s->log, LOG_WARNING, "worker-hung", NULL, NULL,
		"nothing was heard of the worker for %d s; it is killed", WATCHDOG_LIMIT_MS / 1000);
	watchdog_start(&s->watchdog, now_ms());
	worker_kill(s);
}

static void wait_for_something(struct supervisor *s)
{
	struct pollfd fds[] = {
		{.fd = s->signal_fd, .events = POLLIN},
		{.fd = s->channel, .events = POLLIN},
	};

	if (poll(fds, 2, timeout_ms(s)) < 0)
		return;
	if (fds[1].revents)
		on_message(s);
	if (fds[0].revents & POLLIN)
		on_signal(s);
	if (s->kill_at_ms <= now_ms() && s->worker)
		worker_kill(s);
	worker_watch(s);
}

static int signals_take(struct supervisor *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd < 0 ? -errno : 0;
}

/* Runs until there is nothing left to supervise, or until this process is a new worker. */
static void supervise(struct supervisor *s)
{
	while (!s->over && !s->is_worker) {
		if (!s->worker && s->start_at_ms <= now_ms()) {
			int r = worker_start(s);

			if (r < 0) {
				log_say(s->log, LOG_ERROR, "worker-failed", NULL, NULL, "start: %s",
					strerror(-r));
				rest_begin(s);
			}
			continue;
		}
		wait_for_something(s);
	}
}

/* Runs as the worker; afterwards the process is over, or supervisor of a worker to come. */
static void work(struct supervisor *s)
{
	const struct worker_options options = {
		.options = s->o->options,
		.station = &s->station,
		.park = &s->park,
		.config_path = s->o->config_path,
		.config = s->config,
		.events = s->events,
		.keep = s->keep,
		.switches = s->switches,
		.channel = s->channel,
	};
	enum worker_end end = worker_run(&options);

	(void)close(s->channel);
	s->channel = -1;
	if (end != WORKER_ORPHANED || s->o->options->foreground) {
		finish(s, (int)end);
		return;
	}
	log_event(s->log, LOG_WARNING, "supervisor-died", NULL, NULL,
		"the supervisor is gone; the worker takes its place");
	s->is_worker = false;
	s->ever_ready = true;
	s->failures = 0;
	s->start_at_ms = now_ms();
	if (signals_take(s) < 0)
		finish(s, 1);
}

static int start(struct supervisor *s)
{
	const struct options *o = s->o->options;
	int r = -ENOMEM;

	s->events = events_new();
	s->keep = keep_new();
	s->switches = switches_new();
	s->message = secret_alloc(PEL_CONTROL_MAX + 1);
	if (s->events && s->keep && s->switches && s->message)
		r = log_new(o->log_file, options_log_format(o, s->config), o->log_level, s->events,
			&s->log);
	if (r == 0)
		r = follow_from_options(s);
	return r < 0 ? r : signals_take(s);
}

static void stop(struct supervisor *s)
{
	if (s->signal_fd >= 0)
		(void)close(s->signal_fd);
	station_close(&s->station);
	park_close(&s->park);
	secret_free(s->message, PEL_CONTROL_MAX + 1);
	keep_free(s->keep);
	switches_free(s->switches);
	config_free(s->config);
	events_free(s->events);
	log_free(s->log);
}

int supervisor_run(const struct supervisor_options *options)
{
	struct supervisor s = {
		.o = options,
		.station = *options->station,
		.config = options->config,
		.signal_fd = -1,
		.ready_fd = options->ready_fd,
		.channel = -1,
		.kill_at_ms = NEVER,
	};
	int r = start(&s);

	park_open(&s.park);
	if (r < 0) {
		log_say(s.log, LOG_ERROR, "start-failed", NULL, NULL, "%s", strerror(-r));
		finish(&s, 1);
	} else {
		log_say(s.log, LOG_INFO, "started", NULL, NULL, "pelorusd %s in %s",
			PELORUS_VERSION, s.station.rundir.path);
	}
	while (!s.over) {
		if (s.is_worker)
			work(&s);
		else
			supervise(&s);
	}
	if (!s.is_worker)
		log_say(s.log, LOG_INFO, "stopped", NULL, NULL, "with status %d", s.status);
	stop(&s);
	return s.status;
}
