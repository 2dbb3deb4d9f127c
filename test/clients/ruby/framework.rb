#!/usr/bin/ruby
# SPDX-License-Identifier: Apache-2.0
# A connection kept between requests as Active Record keeps its own, by mysql2: framework.rb HOST
# As test/clients/python/framework.py, but the connection is pinged at the beginning of each
# request, and its settings are one statement that also makes it strict.
require "mysql2"

SETTINGS = "SET NAMES utf8mb4, @@SESSION.sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES'), " \
           "@@SESSION.sql_auto_is_null = 0, @@SESSION.wait_timeout = 2147483"

class Adapter
  def initialize(host)
    @host = host
    connect
  end

  def connect
    @client = Mysql2::Client.new(host: @host, username: "app", password: "app", database: "app")
    @client.query(SETTINGS)
  end

  def verify
    return if @client.ping
    @client.close
    connect
  end

  def query(sql)
    @client.query(sql)&.first&.values&.map { |v| v.nil? ? "NULL" : v.to_s }&.join("|")
  end

  def request(sql)
    verify
    query(sql)
  end
end

adapter = Adapter.new(ARGV[0])
while (line = $stdin.gets)
  verb, sql = line.chomp.split(" ", 2)
  begin
    puts "ok #{adapter.public_send(verb, sql)}".rstrip
  rescue Mysql2::Error => e
    puts "error #{e.error_number || 0} #{e.sql_state || "-"} #{e.message}"
  end
  $stdout.flush
end
