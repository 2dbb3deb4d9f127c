#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# As test/clients/python/handle.py, by DBD::MariaDB, errors as return values: connect HOST |
# query SQL | begin | commit | rollback | ping | id | shut | autocommit (what DBI says of it)
use strict;
use warnings;
use DBI;

$| = 1;
my $dbh;
$SIG{__WARN__} = sub { }; # of a commit without a transaction, which is answered too

sub query {
	my ($sql) = @_;
	return $dbh->do($sql) && "" unless $sql =~ /^SELECT/;
	my $row = $dbh->selectrow_arrayref($sql) or return undef;
	return join "|", map { $_ // "NULL" } @$row;
}

sub shut {
	open my $socket, "+<&", $dbh->mariadb_sockfd or return undef;
	shutdown $socket, 2;
	return "";
}

my %verbs = (
	connect => sub {
		$dbh = DBI->connect("DBI:MariaDB:host=$_[0];database=app", "app", "app",
			{PrintError => 0, PrintWarn => 0, RaiseError => 0, AutoCommit => 1});
		return $dbh ? "" : undef;
	},
	query => \&query,
	# It dies, whatever RaiseError says, or tells of its failure by err alone: versions differ.
	begin => sub { eval { $dbh->begin_work } && !$dbh->err ? "" : undef },
	commit => sub { $dbh->commit ? "" : undef },
	rollback => sub { $dbh->rollback ? "" : undef },
	ping => sub { $dbh->ping ? "" : undef },
	id => sub { $dbh->{mariadb_thread_id} },
	autocommit => sub { $dbh->{AutoCommit} ? 1 : 0 },
	shut => \&shut,
);

while (my $line = <STDIN>) {
	chomp $line;
	my ($verb, $rest) = split / /, $line, 2;
	my $told = $verbs{$verb}->($rest);
	my ($number, $state, $text) = ($DBI::err // 0, $DBI::state || "-", $DBI::errstr // "");
	print defined $told ? ($told eq "" ? "ok" : "ok $told") : "error $number $state $text", "\n";
}
