<?php
// SPDX-License-Identifier: Apache-2.0
// One request under php-fpm: a write over a persistent connection, as JSON.
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
error_reporting(0);
try {
	$c = new mysqli('p:' . $_GET['host'], 'app', 'app', 'app');
	$id = $c->thread_id;
	$c->query("INSERT INTO writes (client, server) VALUES ('php-fpm', @@hostname)");
	echo json_encode(['ok' => 1, 'errors' => [], 'id' => $id, 'pid' => getmypid()]);
} catch (Exception $e) {
	echo json_encode(['ok' => 0, 'errors' => [$e->getMessage()], 'pid' => getmypid()]);
}
