# What an application does: connects by the cluster's name, writes.
require 'mysql2'

db = Mysql2::Client.new(host: ENV['DB_HOST'], username: ENV['DB_USER'],
                        password: ENV['DB_PASSWORD'], database: 'app')
db.query('CREATE TABLE IF NOT EXISTS documents (at DATETIME(6))')
db.query('INSERT INTO documents VALUES (NOW(6))')
puts "wrote #{db.affected_rows}"
