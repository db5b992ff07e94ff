/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * syslog.c - alerts and notes to the local syslog daemon.
 *
 * syslog(3) blocks when the daemon does not read and tells nobody when a message is lost, so the
 * datagrams of RFC 3164, as /dev/log takes them, are sent here: never blocking, kept in a short
 * queue while the daemon is busy or away, counted when lost.  One line per object; the evidence
 * that fits is in it.  Priorities: docs/output.md.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "sinks/format.h"
#include "sinks/text.h"

#define IDENT	  "cheshire"
#define QUEUE_MAX 64
/* What every daemon takes: rsyslog's default limit is 8 KB, RFC 3164's 1 KB. */
#define DATAGRAM_MAX 1024

struct sink_syslog {
	struct sink base;
	struct sockaddr_un address;
	int facility;
	int fd;			/* -1: not connected */
	char *queue[QUEUE_MAX]; /* a ring of whole datagrams */
	size_t first, n;
	struct sink_stats stats;
};

static struct sink_syslog *syslog_of(const struct sink *sink)
{
	return (struct sink_syslog *)sink;
}

static void failed(struct sink_syslog *s, int err)
{
	s->stats.write_errors++;
	s->stats.last_errno = err;
}

/* 0, or negative errno: the daemon is away; the next flush tries again. */
static int connect_daemon(struct sink_syslog *s)
{
	int fd, err;

	if (s->fd >= 0)
		return 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&s->address, sizeof(s->address))) {
		err = -errno;
		close(fd);
		return err;
	}
	s->fd = fd;
	return 0;
}

static void disconnect(struct sink_syslog *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static void pop(struct sink_syslog *s)
{
	s->stats.queued_bytes -= strlen(s->queue[s->first]);
	free(s->queue[s->first]);
	s->first = (s->first + 1) % QUEUE_MAX;
	s->n--;
}

/* 0 sent, -EAGAIN later, or another negative errno: this message cannot be sent. */
static int send_first(struct sink_syslog *s)
{
	const char *text = s->queue[s->first];
	int tries, err = 0;

	/* Twice: a daemon that was restarted refuses the old connection once. */
	for (tries = 0; tries < 2; tries++) {
		err = connect_daemon(s);
		if (err)
			break;
		if (send(s->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return 0;
		err = -errno;
		if (err == -EAGAIN || err == -ENOBUFS || err == -EINTR)
			return -EAGAIN;
		if (err == -EMSGSIZE)
			return err;
		disconnect(s);
	}
	failed(s, -err);
	return -EAGAIN;
}

static void syslog_flush(struct sink *sink)
{
	struct sink_syslog *s = syslog_of(sink);
	int err;

	while (s->n) {
		err = send_first(s);
		if (err == -EAGAIN)
			return;
		if (err) {
			failed(s, -err);
			s->stats.dropped++;
		}
		pop(s);
	}
}

static void enqueue(struct sink_syslog *s, char *datagram)
{
	syslog_flush(&s->base);
	if (s->n == QUEUE_MAX) {
		/* The newest tells more about now than the oldest. */
		pop(s);
		s->stats.dropped++;
		s->stats.dropped_full++;
	}
	s->queue[(s->first + s->n) % QUEUE_MAX] = datagram;
	s->n++;
	s->stats.lines++;
	s->stats.queued_bytes += strlen(datagram);
	syslog_flush(&s->base);
}

/* Cuts between characters, so that the daemon gets valid UTF-8. */
static void cut(struct strbuf *buf, size_t max)
{
	size_t end = max - 3;

	if (buf->failed || buf->len <= max)
		return;
	while (end && ((unsigned char)buf->data[end] & 0xc0) == 0x80)
		end--;
	memcpy(buf->data + end, "...", 4);
	buf->len = end + 3;
}

/* "<PRI>Nov 22 10:41:07 cheshire[99]: ": local time, English months, as syslog(3) writes it. */
static void begin_datagram(struct sink_syslog *s, struct strbuf *buf, int priority, uint64_t ts_ns)
{
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t t = (time_t)(ts_ns / 1000000000);
	struct tm tm = {0};

	localtime_r(&t, &tm);
	strbuf_printf(buf, "<%d>%s %2d %02d:%02d:%02d " IDENT "[%d]: ", s->facility | priority,
		      months[tm.tm_mon % 12], tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		      (int)getpid());
}

static void send_datagram(struct sink_syslog *s, struct strbuf *buf)
{
	cut(buf, DATAGRAM_MAX);
	if (buf->failed) {
		s->stats.dropped++;
		strbuf_free(buf);
		return;
	}
	enqueue(s, buf->data); /* takes the text over */
}

static int alert_priority_of(const struct sink_alert *alert)
{
	switch (alert->state) {
	case SINK_ALERT_FIRING:
		if (alert->priority == 0)
			return LOG_ALERT;
		return alert->severity == SINK_SEVERITY_CRITICAL ? LOG_CRIT : LOG_WARNING;
	case SINK_ALERT_UNKNOWN:
		return LOG_WARNING;
	case SINK_ALERT_RESOLVED:
		return LOG_NOTICE;
	default:
		return LOG_INFO;
	}
}

static void labelled(struct strbuf *buf, const char *label, const char *text)
{
	if (!text || !*text)
		return;
	strbuf_puts(buf, "; ");
	text_name(buf, label);
	strbuf_puts(buf, ": ");
	text_sentence(buf, text);
}

static void syslog_alert(struct sink *sink, const struct sink_alert *alert)
{
	struct sink_syslog *s = syslog_of(sink);
	char since[FORMAT_MAX];
	struct strbuf buf = {0};
	size_t i;

	begin_datagram(s, &buf, alert_priority_of(alert), alert->head.ts_ns);
	strbuf_printf(&buf, "%s%s", alert->reminder ? "still " : "",
		      sink_alert_state_name(alert->state));
	if (alert->priority >= 0 && alert->priority <= 3)
		strbuf_printf(&buf, " P%d", alert->priority);
	if (alert->severity != SINK_SEVERITY_NONE)
		strbuf_printf(&buf, " %s", sink_severity_name(alert->severity));
	strbuf_puts(&buf, " ");
	text_name(&buf, alert->alert);
	strbuf_puts(&buf, ": ");
	text_alert_value(&buf, alert);
	strbuf_puts(&buf, " ");
	text_process(&buf, &alert->head);
	text_group(&buf, alert);
	if (alert->quality != SINK_QUALITY_EXACT)
		strbuf_printf(&buf, " [%s]", sink_quality_name(alert->quality));
	if (alert->reminder && alert->since_ts_ns)
		strbuf_printf(&buf, "; since %s",
			      timestamp_format(since, sizeof(since), alert->since_ts_ns));
	labelled(&buf, "why", alert->reason);
	if (alert->state == SINK_ALERT_FIRING) {
		labelled(&buf, "action", alert->action);
		labelled(&buf, "impact", alert->impact);
		labelled(&buf, "respond", alert->response);
	}
	for (i = 0; i < alert->annotations_n && alert->state == SINK_ALERT_FIRING; i++)
		labelled(&buf, alert->annotations[i].name, alert->annotations[i].value);
	for (i = 0; i < alert->evidence_n; i++) {
		strbuf_puts(&buf, i ? " | " : "; slowest: ");
		text_evidence(&buf, &alert->evidence[i]);
	}
	send_datagram(s, &buf);
}

static void syslog_note(struct sink *sink, const struct sink_note *note)
{
	static const int priorities[] = {LOG_INFO, LOG_WARNING, LOG_CRIT};
	struct sink_syslog *s = syslog_of(sink);
	struct strbuf buf = {0};

	begin_datagram(s, &buf, priorities[note->severity], note->head.ts_ns);
	strbuf_puts(&buf, "note ");
	text_process(&buf, &note->head);
	strbuf_puts(&buf, ": ");
	if (note->stage) {
		text_name(&buf, note->stage);
		strbuf_puts(&buf, ": ");
	}
	text_sentence(&buf, note->text);
	send_datagram(s, &buf);
}

static int syslog_wait_fd(const struct sink *sink)
{
	/* Without a connection there is nothing to wait on: the tick tries again. */
	return syslog_of(sink)->n ? syslog_of(sink)->fd : -1;
}

static void syslog_stats(const struct sink *sink, struct sink_stats *stats)
{
	*stats = syslog_of(sink)->stats;
}

static void syslog_free(struct sink *sink)
{
	struct sink_syslog *s = syslog_of(sink);

	while (s->n)
		pop(s);
	disconnect(s);
	free(s);
}

static const struct sink_ops syslog_ops = {
	.name = "syslog",
	.alert = syslog_alert,
	.note = syslog_note,
	.flush = syslog_flush,
	.wait_fd = syslog_wait_fd,
	.stats = syslog_stats,
	.free = syslog_free,
};

struct sink *sink_syslog__new(const char *path, int facility)
{
	struct sink_syslog *s;

	if (!path)
		path = "/dev/log";
	if (strlen(path) >= sizeof(s->address.sun_path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->base.ops = &syslog_ops;
	s->base.watched_fd = -1;
	s->facility = facility;
	s->fd = -1;
	s->address.sun_family = AF_UNIX;
	memcpy(s->address.sun_path, path, strlen(path));
	/* The time zone is read now: later a sandbox may be closed around us. */
	tzset();
	/* A daemon that is not there yet is no error; it is tried again at every message. */
	connect_daemon(s);
	return &s->base;
}

int sink_syslog__facility(const char *name, int *facility)
{
	static const struct {
		const char *name;
		int value;
	} names[] = {
		{"auth", LOG_AUTH},	{"authpriv", LOG_AUTHPRIV}, {"cron", LOG_CRON},
		{"daemon", LOG_DAEMON}, {"ftp", LOG_FTP},	    {"lpr", LOG_LPR},
		{"mail", LOG_MAIL},	{"news", LOG_NEWS},	    {"syslog", LOG_SYSLOG},
		{"user", LOG_USER},	{"uucp", LOG_UUCP},	    {"local0", LOG_LOCAL0},
		{"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2},	    {"local3", LOG_LOCAL3},
		{"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5},	    {"local6", LOG_LOCAL6},
		{"local7", LOG_LOCAL7},
	};
	size_t i;

	if (!name || !*name) {
		*facility = LOG_DAEMON;
		return 0;
	}
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcasecmp(names[i].name, name)) {
			*facility = names[i].value;
			return 0;
		}
	}
	return -EINVAL;
}
