/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker's life: what the supervisor kept is replayed first, then the engine runs, and timers
 * look after the clients' slots, the directory, and whether anybody still needs a prober.
 */
#include "worker_internal.h"

#include "channel.h"
#include "metrics.h"
#include "base/secret.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define CHECK_NS LOOP_S

int worker_reload(struct worker *w, struct config_error *ret_error)
{
	struct config *config;
	int r = config_load(w->o->config_path, &config, ret_error);

	if (r == 0) {
		r = engine_reload(w->engine, config);
		if (r < 0) {
			config_free(config);
			strcpy(ret_error->text, strerror(-r));
		}
	}
	if (r < 0) {
		log_say(w->log, LOG_ERROR, "configuration-refused", NULL, NULL,
			"%s; the old configuration stays in force", ret_error->text);
		(void)channel_say(w->o->channel, "reload-failed");
		return r;
	}
	config_free(w->config);
	w->config = config;
	log_set_format(w->log, options_log_format(w->o->options, config));
	scrape_listen(w->scrape, config->metrics_listen);
	log_say(w->log, LOG_INFO, "configuration-loaded", NULL, NULL, "%s",
		*config->path ? config->path : "defaults");
	(void)channel_say(w->o->channel, "reloaded");
	return 0;
}

static void on_channel(void *ctx, uint32_t events)
{
	struct worker *w = ctx;
	char message[PEL_CONTROL_MAX + 1];
	struct config_error error;
	ssize_t n = channel_receive(w->o->channel, message);

	if (n == -EAGAIN)
		return;
	if (n <= 0)
		loop_stop(w->loop, WORKER_ORPHANED);
	else if (strcmp(message, "stop") == 0)
		loop_stop(w->loop, WORKER_STOPPED);
	else if (strcmp(message, "reload") == 0)
		(void)worker_reload(w, &error);
}

static void on_signal(void *ctx, int signo)
{
	struct worker *w = ctx;

	loop_stop(w->loop, WORKER_TERMINATED);
}

static void on_event_added(void *ctx)
{
	struct worker *w = ctx;

	if (w->control)
		control_wake(w->control);
	if (w->engine)
		engine_event_added(w->engine);
	worker_sweep_soon(w);
}

static void on_check(void *ctx)
{
	struct worker *w = ctx;

	if (!station_is_intact(w->o->station)) {
		log_say(w->log, LOG_WARNING, "directory-lost", NULL, NULL,
			"%s was deleted or replaced; beginning anew", w->o->station->rundir.path);
		loop_stop(w->loop, WORKER_MOVED);
	}
	(void)channel_say(w->o->channel, "alive");
	loop_timer_set_in(w->loop, &w->check, CHECK_NS);
}

/* The file as it is now; what the supervisor last knew to be good if it is broken meanwhile. */
static int configuration_take(struct worker *w)
{
	struct config_error error;
	int r = config_load(w->o->config_path, &w->config, &error);

	if (r == 0) {
		log_set_format(w->log, options_log_format(w->o->options, w->config));
		return 0;
	}
	log_say(w->log, LOG_ERROR, "configuration-refused", NULL, NULL,
		"%s; the old configuration stays in force", error.text);
	w->config = secret_alloc(sizeof(*w->config));
	if (!w->config)
		return -ENOMEM;
	*w->config = *w->o->config;
	return 0;
}

static int engine_start(struct worker *w)
{
	const struct options *o = w->o->options;
	const struct engine_options options = {
		.loop = w->loop,
		.log = w->log,
		.events = w->o->events,
		.config = w->config,
		.dirfd = w->o->station->dirfd,
		.map_mode = station_read_mode(w->o->station),
		.park4 = w->o->park->port4,
		.park6 = w->o->park->port6,
		.defaults_file = o->defaults_file,
		.no_option_files = o->no_option_files,
		.switches = w->o->switches,
	};

	return engine_new(&options, &w->engine);
}

static int control_start(struct worker *w)
{
	const struct control_options options = {
		.listen_fd = w->o->station->listen_fd,
		.shared = w->o->station->shared,
		.verbs = worker_verbs,
		.ctx = w,
	};

	return control_new(w->loop, &options, &w->control);
}

static int scrape_start(struct worker *w)
{
	const struct scrape_options options = {
		.log = w->log,
		.mode = station_write_mode(w->o->station),
		.put = metrics_put,
		.ctx = w,
	};
	int r = scrape_new(w->loop, &options, &w->scrape);

	if (r == 0)
		scrape_listen(w->scrape, w->config->metrics_listen);
	return r;
}

static int signals_start(struct worker *w)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	return loop_signals(w->loop, &set, on_signal, w);
}

static void timers_start(struct worker *w)
{
	w->history = history_open(w->o->station->dirfd, station_read_mode(w->o->station));
	worker_sweep_start(w);
	loop_timer_init(&w->check, on_check, w);
	loop_timer_set_in(w->loop, &w->check, CHECK_NS);
}

static int start(struct worker *w)
{
	const struct options *o = w->o->options;
	int r = loop_new(NULL, &w->loop);

	if (r == 0)
		r = log_new(o->log_file, options_log_format(o, w->o->config), o->log_level,
			w->o->events, &w->log);
	if (r == 0)
		r = configuration_take(w);
	w->follows = follows_new();
	if (r == 0)
		r = w->follows ? engine_start(w) : -ENOMEM;
	if (r == 0)
		r = worker_replay(w);
	if (r == 0)
		r = channel_hasten(w->o->channel);
	if (r == 0)
		r = control_start(w);
	if (r == 0)
		r = scrape_start(w);
	if (r == 0)
		r = signals_start(w);
	if (r == 0)
		r = loop_io_add(w->loop, &w->channel_io, w->o->channel, EPOLLIN, on_channel, w);
	if (r < 0)
		return r;
	w->started_ns = w->busy_ns = loop_now_ns(w->loop);
	timers_start(w);
	events_on_add(w->o->events, on_event_added, w);
	return channel_say(w->o->channel, "ready");
}

static void stop(struct worker *w, bool orderly)
{
	events_on_add(w->o->events, NULL, NULL);
	scrape_free(w->scrape);
	control_free(w->control);
	if (w->engine)
		engine_free(w->engine, orderly);
	slots_close(w->slots);
	history_close(w->history);
	follows_free(w->follows);
	if (w->loop) {
		loop_timer_stop(w->loop, &w->sweep);
		loop_timer_stop(w->loop, &w->count);
		loop_timer_stop(w->loop, &w->check);
		loop_io_remove(w->loop, &w->channel_io);
		loop_free(w->loop);
	}
	config_free(w->config);
	log_free(w->log);
}

enum worker_end worker_run(const struct worker_options *options)
{
	struct worker w = {.o = options};
	int end, r = start(&w);

	if (r < 0)
		log_say(w.log, LOG_ERROR, "worker-failed", NULL, NULL, "start: %s", strerror(-r));
	end = r < 0 ? WORKER_FAILED : loop_run(w.loop);
	if (end < 0) {
		log_say(w.log, LOG_ERROR, "worker-failed", NULL, NULL, "%s", strerror(-end));
		end = WORKER_FAILED;
	}
	stop(&w, end == WORKER_STOPPED || end == WORKER_MOVED || end == WORKER_TERMINATED);
	return (enum worker_end)end;
}
