/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket: SOCK_SEQPACKET, one packet is one request or one reply.
 *
 * A request is text: the verb on the first line, then `key=value` lines.  A value stands for itself
 * up to the end of its line; '%', line feed and NUL are written %25, %0A, %00.  No request is longer
 * than PEL_CONTROL_MAX.
 *
 *   follow    name=HOST [port=N] [user= password= ssl=0|1 ssl-ca= ssl-verify=0|1] [pid=N]
 *             [permanent=1]                     also while no process has the name in its slot
 *   unfollow  name=HOST                         forgets it, and the credentials for it
 *   hint      name=HOST [refused=1]             a write was refused, or a connection was lost; or
 *                                               the one address of that name refused a connection
 *   token     name=HOST [port=N] user=USER      an RDS password of 15 minutes (auth = iam)
 *   status                                      JSON of the prober and its clusters
 *   metrics   [part=N]                        next=M, then lines of Prometheus's format; 0: no more
 *   events    [since=SEQ] [wait=0|1]            JSON lines of the ring
 *   refresh   [name=HOST]                       asks every instance now
 *   reload                                      reads the configuration again
 *   disable | enable      [name=HOST]           whether it, or every name, goes where DNS leads
 *   drill     [pid=N]                           has programs end their idle connections, once
 *   admit | hold          name=HOST id=SERVER-ID
 *   drain                 name=HOST id=SERVER-ID [force=1] [look=1]
 *                                               holds it, and has readers' idle connections to it
 *                                               ended, once; look=1: tells whether it would
 *   warm                  name=HOST id=SERVER-ID [file=PATH]
 *                         look=1: how that goes: state= done= total= failed= refused= text=
 *   stop
 *
 * The reply's first line is "ok" or "error CODE SENTENCE"; a body may follow.  A reply that is
 * longer than one packet comes as several, each but the last ending with the line "+more".
 * Credentials are taken only from our own uid or root, never by a system prober.
 */
#ifndef PELORUS_CONTROL_H
#define PELORUS_CONTROL_H

#include <stddef.h>

#define PEL_CONTROL_MAX 8192    /* a request */
#define PEL_CONTROL_REPLY 60000 /* a packet of a reply */

/*
 * Appends "key=value\n" with what must be escaped to the text in `buffer`; -ENOSPC leaves the text
 * as it was.
 */
int pel_control_put(char *buffer, size_t size, const char *key, const char *value);

#endif
