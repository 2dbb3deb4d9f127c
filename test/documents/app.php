<?php
// What an application does: connects by the cluster's name, writes.
$db = new mysqli(getenv('DB_HOST'), getenv('DB_USER'), getenv('DB_PASSWORD'), 'app');
$db->query('CREATE TABLE IF NOT EXISTS documents (at DATETIME(6))');
$db->query('INSERT INTO documents VALUES (NOW(6))');
echo "wrote {$db->affected_rows}\n";
