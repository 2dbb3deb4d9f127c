<?php
// SPDX-License-Identifier: Apache-2.0
require __DIR__ . '/loop.php';

error_reporting(E_ALL & ~E_WARNING);
serve(fn() => new PDO("mysql:host=$host;port=$port;dbname=app", 'app', 'app'),
	fn($c) => $c->prepare(SQL)->execute(['pdo']));
