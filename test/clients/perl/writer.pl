#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# As test/clients/c/writer.c, by DBD::MariaDB: writer.pl HOST NUMBER [MILLISECONDS].
use strict;
use warnings;
use DBI;
use IO::Select;
use Time::HiRes qw(clock_gettime);

$| = 1;

sub tell_line {
	printf "%.0f %s\n", clock_gettime(7) * 1e9, $_[0]; # CLOCK_BOOTTIME
}

my ($host, $number, $pause) = @ARGV;
my $dbh = DBI->connect("DBI:MariaDB:host=$host;database=app", "app", "app",
	{PrintError => 0, RaiseError => 0, AutoCommit => 1}) or die DBI->errstr;
tell_line("ok 0");
my $input = IO::Select->new(\*STDIN);
my $n = 0;
until ($input->can_read(($pause || 5) / 1000)) {
	$n++;
	my $done = $dbh->do("INSERT INTO journal (writer, n) VALUES ($number, $n)");
	tell_line($done ? "ok $n"
		: "error $n " . $dbh->err . " " . $dbh->state . " " . $dbh->errstr);
}
