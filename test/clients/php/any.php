<?php
// SPDX-License-Identifier: Apache-2.0
// One row of the client matrix; see test/clients/node/any.mjs for what is asked and answered:
//
//   php any.php KIND WRITER READER CA        KIND: mysqli, pdo, mysqli-persistent, pdo-persistent
//
// Behind a web server the same words are the query: ?kind=&writer=&reader=&ca=&line=
error_reporting(E_ALL & ~E_WARNING);

/* Kept connections are found again by host, user and database, with TLS or without it: a database of
 * its own tells them apart. */
const DATABASES = ['t' => 'information_schema', 'e' => ''];

function mysqli_open(string $host, string $verb, string $ca, bool $kept): object
{
	mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
	$one = mysqli_init();
	if ($verb === 't') {
		$one->options(MYSQLI_OPT_SSL_VERIFY_SERVER_CERT, 1);
		$one->ssl_set(null, null, $ca, null, null);
	}
	$flags = ['t' => MYSQLI_CLIENT_SSL,
		'e' => MYSQLI_CLIENT_SSL | MYSQLI_CLIENT_SSL_DONT_VERIFY_SERVER_CERT];
	$one->real_connect(($kept ? 'p:' : '') . $host, 'app', 'app', DATABASES[$verb] ?? 'app', 3306, null,
		$flags[$verb] ?? 0);
	return $one;
}

function pdo_open(string $host, string $verb, string $ca, bool $kept): object
{
	$options = [PDO::ATTR_PERSISTENT => $kept];
	if ($verb === 't' || $verb === 'e')
		$options += [PDO::MYSQL_ATTR_SSL_CA => $ca,
			PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT => $verb === 't'];
	$database = DATABASES[$verb] ?? 'app';
	return new PDO("mysql:host=$host;dbname=$database", 'app', 'app', $options);
}

function run(object $one, string $sql): ?string
{
	$result = $one->query($sql);
	if (!is_object($result))
		return null;
	$row = $one instanceof mysqli ? $result->fetch_row() : $result->fetch(PDO::FETCH_NUM);
	return $row[0] ?? null;
}

function answer(array $words, string $line): array
{
	static $open = [];
	[$kind, $writer, $reader, $ca] = $words;
	[$verb, $n, $sql] = explode(' ', $line, 3) + [2 => ''];
	$told = ['ok' => 0, 'errors' => [], 'value' => null];
	if ($verb === 'x')
		$open = [];
	$key = $verb === 'h' ? 'w' : $verb;
	for ($i = 0; $i < (int)$n; $i++) {
		try {
			$open[$key] ??= (str_starts_with($kind, 'pdo') ? 'pdo_open' : 'mysqli_open')(
				$verb === 'r' ? $reader : $writer, $verb, $ca, str_ends_with($kind, '-persistent'));
			$told['value'] = run($open[$key], $sql) ?? $told['value'];
			$told['ok']++;
		} catch (Exception $e) {
			$told['errors'][] = $e->getMessage();
			unset($open[$key]);
		}
	}
	return $told;
}

/* A transaction is one request: it waits in the middle for a file to appear. */
function transaction(array $words, string $sql, string $file): array
{
	foreach (['h 1 BEGIN', "h 1 $sql"] as $line)
		if (($told = answer($words, $line))['errors'])
			return $told;
	touch("$file.begun");
	while (!file_exists($file)) {
		clearstatcache();
		usleep(2000);
	}
	foreach (["h 1 $sql", 'h 1 COMMIT'] as $line)
		if (($told = answer($words, $line))['errors'])
			return $told;
	return $told;
}

if (PHP_SAPI !== 'cli') {
	$words = [$_GET['kind'], $_GET['writer'], $_GET['reader'], $_GET['ca']];
	header('Content-Type: application/json');
	echo json_encode(isset($_GET['file']) ? transaction($words, $_GET['line'], $_GET['file'])
		: answer($words, $_GET['line']));
} else {
	while (($line = fgets(STDIN)) !== false)
		echo json_encode(answer(array_slice($argv, 1), rtrim($line))), "\n";
}
