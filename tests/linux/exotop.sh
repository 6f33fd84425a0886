# exotop.sh - exotop as a script sees it: plain text, numbers that add up,
# rows of processes that come and go.
# Each point is a function that is to print what is in the third word.

n=0
bad=0
point() {
	n=$((n + 1))
	got=$($1 2>&1)
	if [ "$got" = "$2" ]; then
		echo "ok $n - $1"
	else
		bad=1
		echo "# got: $got"
		echo "# not: $2"
		echo "not ok $n - $1"
	fi
}

# look VIEW [options]: into a file, so that nobody else runs in a pipeline.
look() {
	v=$1
	shift
	exotop -b -n 1 -d 0.05 -v $v -w 160 "$@" >/tmp/x
}

all_views() { exotop -b -n 1 -d 0.05 | grep '^== ' | tr '\n' ' '; }
as_often_as_asked() { exotop -b -n 3 -d 0.05 -v envs | grep -c '^== envs'; }
one_view_by_number() { exotop -b -n 1 -d 0.05 -v 3 | grep '^=='; }

# "frames N of 4 KiB, free F", "kinds d D 1 A ...": all together are N.
kinds_add_up() {
	look overview
	awk '/^frames/ { sum = $7; all = $2 }
	    /^kinds/ { for (i = 3; i <= NF; i += 2) sum += $i }
	    END { print all - sum, (all > 10000) }' /tmp/x
}
# Frames of accounts, and those that no account has, are all.
owners_add_up() {
	exotop -b -n 1 -d 0.05 -w 160 >/tmp/x
	awk '/^frames/ { all = $2; free = $7 }
	    /^kinds/ { for (i = 2; i < NF; i += 2)
		if ($i == "#" || $i == "_" || $i == "=") free += $(i + 1) }
	    /^==/ { view = $2 }
	    view == "accounts" && $2 ~ /^[0-9]+$/ && $3 != "of" {
		for (i = 3; $i !~ "/"; i++) ;
		own += $(i - 1) }
	    END { print all - free - own }' /tmp/x
}
map_has_all_frames() {
	look frames
	awk '/^[0-9]+ frames/ { all = $1; per = $6 }
	    /^ *[0-9]+ [^ ]+$/ { n += length($2) }
	    END { print (n * per >= all && (n - 1) * per < all) }' /tmp/x
}
vector_is_what_the_rows_are() {
	look slices
	awk '/positions are taken/ { taken = $1 }
	    /^ *[0-9]+ +[.a-zA-Z?]+$/ { gsub(/\./, "", $2)
		letters += length($2) }
	    /^ *[0-9]+ +[a-z?] [0-9]+ / { rows++ }
	    END { print (taken == letters), (taken == rows), (taken > 2) }' /tmp/x
}
it_finds_itself() {
	look envs
	awk '$NF == "exotop" { print $3, ($(NF - 1) == pid), (NF > 12) }' \
	    pid="$(sed -n 's/.* \([0-9]*\) exotop$/\1/p' /tmp/x)" /tmp/x
}
names_are_left_out() {
	look envs -P
	grep -c exotop /tmp/x
}

domains() {
	look domains
	awk '/domains of/ { print $1 }' /tmp/x
}
a_process_comes_and_goes() {
	before=$(domains)
	/bin/sleep 100 >/dev/null &
	with=$(domains)
	grep -c sleep /tmp/x
	kill $!
	wait $! >/dev/null 2>&1
	after=$(domains)
	grep -c sleep /tmp/x
	echo $((with - before)) $((after - before))
}
who_works_has_the_share() {
	sh -c 'while :; do :; done' >/dev/null &
	exotop -b -n 1 -d 0.5 -v envs -w 160 >/tmp/x
	kill $!
	awk '$NF == "sh" && $11 > 40 { n++ } END { print n }' /tmp/x
}
frames_are_charged() {
	sh -c 'x=$(seq 20000); while :; do :; done' >/dev/null &
	exotop -b -n 1 -d 0.5 -v accounts -w 160 >/tmp/x
	kill $!
	awk '$4 == "sh" && $5 > 40 { n++ } END { print (n > 0) }' /tmp/x
}

# Rows are read while their owners die; what is printed is one state or the
# other, never a mixture.
rows_that_change_are_whole() {
	(i=0; while [ $i -lt 150 ]; do /bin/true; i=$((i + 1)); done) >/dev/null &
	exotop -b -n 15 -d 0.05 -w 160 >/tmp/x
	kill $! 2>/dev/null
	awk '/^==/ { view = $2 }
	    view == "domains" && $1 ~ /^[0-9]+~?$/ && $2 ~ /^[0-9]+$/ {
		n++
		if ($3 !~ /^(live|dead|ended)$/ || $4 !~ /^[a-zA-Z?]$/ ||
		    ($3 == "live" && $8 == 0))
			print }
	    view == "envs" && $1 ~ /^[0-9]+~?$/ && $2 ~ /^[0-9]+$/ {
		n++
		if ($3 !~ /^(embryo|ready|stopped|suspended|asleep|dead|ended)$/)
			print }
	    END { print (n > 100) }' /tmp/x
}

wrong_words() {
	exotop -z 2>/dev/null
	echo $?
	exotop -v nothing 2>/dev/null
	echo $?
	exotop -d 0 2>/dev/null
	echo $?
	exotop more 2>/dev/null
	echo $?
}
not_a_terminal() {
	exotop </dev/null
	echo $?
}
a_reader_that_goes_away() {
	exotop -b -d 0.05 | head -n 1
}

echo 1..17
point all_views '== overview == frames == domains == pcids == slices == envs == accounts == trace '
point as_often_as_asked 3
point one_view_by_number '== domains'
point kinds_add_up '0 1'
point owners_add_up 0
point map_has_all_frames 1
point vector_is_what_the_rows_are '1 1 1'
point it_finds_itself 'ready 1 1'
point names_are_left_out 0
point a_process_comes_and_goes '1
0
1 0'
point who_works_has_the_share 1
point frames_are_charged 1
point rows_that_change_are_whole 1
point wrong_words '2
2
2
2'
point not_a_terminal 'exotop: not a terminal; -b prints text
1'
point a_reader_that_goes_away '== overview'
point pwd /
rm -f /tmp/x
exit $bad
