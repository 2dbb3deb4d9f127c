/* SPDX-License-Identifier: Apache-2.0 */
#include "sha2_login.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include <errmsg.h>
#include <mysql/plugin_auth.h>

#define NONCE_SIZE 20
#define HASH_SIZE 32

#define FAST_IS_ENOUGH 3
#define FULL_IS_WANTED 4

/* As in mysql/client_plugin.h, which includes a header that no package of libmariadb has. */
#define PLUGIN_OF_AUTHENTICATION 2
#define PLUGIN_INTERFACE 0x0100

struct authentication_plugin {
	struct st_mysql_client_plugin head;
	int (*authenticate_user)(MYSQL_PLUGIN_VIO *vio, MYSQL *mysql);
};

static char verified_key[] = "pelorus-verified", yes[] = "1";

void sha2_login_set_verified(MYSQL *mysql, bool verified)
{
	if (verified)
		(void)mysql_optionsv(mysql, MARIADB_OPT_USERDATA, verified_key, yes);
}

static bool is_verified(MYSQL *mysql)
{
	void *data = NULL;

	(void)mysql_get_optionv(mysql, MARIADB_OPT_USERDATA, verified_key, &data);
	return data != NULL && mysql_get_ssl_cipher(mysql) != NULL;
}

static bool sha256(unsigned char ret[HASH_SIZE], const void *a, size_t n_a, const void *b,
	size_t n_b)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
		EVP_DigestUpdate(ctx, a, n_a) == 1 && EVP_DigestUpdate(ctx, b, n_b) == 1 &&
		EVP_DigestFinal_ex(ctx, ret, NULL) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}

/* SHA256(password) XOR SHA256(SHA256(SHA256(password)), nonce) */
static bool scramble(unsigned char ret[HASH_SIZE], const char *password, const unsigned char *nonce)
{
	unsigned char once[HASH_SIZE], mask[HASH_SIZE];
	bool ok = sha256(once, password, strlen(password), "", 0) &&
		sha256(mask, once, sizeof(once), "", 0) &&
		sha256(mask, mask, sizeof(mask), nonce, NONCE_SIZE);

	for (unsigned i = 0; i < HASH_SIZE; i++)
		ret[i] = once[i] ^ mask[i];
	OPENSSL_cleanse(once, sizeof(once));
	return ok;
}

static int refuse(MYSQL *mysql, const char *text)
{
	mysql->net.last_errno = CR_AUTH_PLUGIN_ERR;
	(void)strcpy(mysql->net.sqlstate, "HY000");
	(void)strncpy(mysql->net.last_error, text, sizeof(mysql->net.last_error) - 1);
	return CR_ERROR;
}

static int authenticate(MYSQL_PLUGIN_VIO *vio, MYSQL *mysql)
{
	unsigned char *packet, answer[HASH_SIZE];
	const char *password = mysql->passwd ? mysql->passwd : "";
	int n = vio->read_packet(vio, &packet);

	if (n < 0)
		return CR_ERROR;
	if (n != NONCE_SIZE + 1)
		return refuse(mysql, "caching_sha2_password: the server's nonce is none");
	if (!*password)
		return vio->write_packet(vio, NULL, 0) ? CR_ERROR : CR_OK;
	if (!scramble(answer, password, packet) || vio->write_packet(vio, answer, HASH_SIZE))
		return CR_ERROR;
	n = vio->read_packet(vio, &packet);
	if (n == 1 && *packet == FAST_IS_ENOUGH)
		return CR_OK;
	if (n != 1 || *packet != FULL_IS_WANTED)
		return CR_ERROR;
	if (!is_verified(mysql))
		return refuse(mysql,
			"the server asks for the password itself, and no certificate vouches for it");
	return vio->write_packet(vio, (const unsigned char *)password, (int)strlen(password) + 1)
		? CR_ERROR
		: CR_OK;
}

static struct authentication_plugin plugin = {
	.head =
		{
			.type = PLUGIN_OF_AUTHENTICATION,
			.interface_version = PLUGIN_INTERFACE,
			.name = "caching_sha2_password",
			.author = "Pelorus",
			.desc = "shows a password to verified servers alone",
			.version = {0, 1, 0},
			.license = "Apache-2.0",
		},
	.authenticate_user = authenticate,
};

int sha2_login_register(void)
{
	if (mysql_server_init(0, NULL, NULL) != 0)
		return -ENOSYS;
	return mysql_client_register_plugin(NULL, &plugin.head) == &plugin.head ? 0 : -ENOSYS;
}
