/* SPDX-License-Identifier: Apache-2.0 */
/* The readiness protocol of service managers (sd_notify), spoken to $NOTIFY_SOCKET. */
#ifndef NOTIFY_H
#define NOTIFY_H

/* Sends e.g. "READY=1\nSTATUS=..."; does nothing where nobody listens.  0 or -errno. */
int notify_send(const char *state);

/* "RELOADING=1" with the time that the protocol wants beside it. */
int notify_send_reloading(void);

#endif
