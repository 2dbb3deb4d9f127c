/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module for /etc/nsswitch.conf that takes its time: whoever looks a host up through libc waits as
 * long as for a directory service that has fallen silent.
 */
#include <errno.h>
#include <netdb.h>
#include <nss.h>
#include <unistd.h>

#define LATE_S 20

struct gaih_addrtuple;

enum nss_status _nss_slow_gethostbyname4_r(const char *name, struct gaih_addrtuple **ret,
	char *buffer, size_t size, int *error, int *herror, int32_t *ttl);
enum nss_status _nss_slow_gethostbyname3_r(const char *name, int family, struct hostent *ret,
	char *buffer, size_t size, int *error, int *herror, int32_t *ttl, char **canonical);
enum nss_status _nss_slow_gethostbyname2_r(const char *name, int family, struct hostent *ret,
	char *buffer, size_t size, int *error, int *herror);

enum nss_status _nss_slow_gethostbyname4_r(const char *name, struct gaih_addrtuple **ret,
	char *buffer, size_t size, int *error, int *herror, int32_t *ttl)
{
	(void)sleep(LATE_S);
	*error = EAGAIN;
	*herror = TRY_AGAIN;
	return NSS_STATUS_TRYAGAIN;
}

enum nss_status _nss_slow_gethostbyname3_r(const char *name, int family, struct hostent *ret,
	char *buffer, size_t size, int *error, int *herror, int32_t *ttl, char **canonical)
{
	return _nss_slow_gethostbyname4_r(name, NULL, buffer, size, error, herror, ttl);
}

enum nss_status _nss_slow_gethostbyname2_r(const char *name, int family, struct hostent *ret,
	char *buffer, size_t size, int *error, int *herror)
{
	return _nss_slow_gethostbyname4_r(name, NULL, buffer, size, error, herror, NULL);
}
