#!/usr/bin/ruby
# SPDX-License-Identifier: Apache-2.0
# As test/clients/c/writer.c, by mysql2: writer.rb HOST NUMBER [MILLISECONDS].
require "mysql2"

def tell(text)
  puts "#{Process.clock_gettime(7, :nanosecond)} #{text}" # CLOCK_BOOTTIME
  $stdout.flush
end

def open_client(host)
  Mysql2::Client.new(host: host, username: "app", password: "app", database: "app")
end

host, number, pause = ARGV
client = open_client(host)
tell "ok 0"
n = 0
until IO.select([$stdin], nil, nil, (pause || 5).to_f / 1000)
  n += 1
  begin
    client ||= open_client(host)
    client.query("INSERT INTO journal (writer, n) VALUES (#{number}, #{n})")
    tell "ok #{n}"
  rescue Mysql2::Error => e
    tell "error #{n} #{e.errno} #{e.sql_state} #{e.message}"
    # mysql2 gives a connection up that was lost in flight; Active Record asks likewise.
    client = nil unless client&.ping
  end
end
