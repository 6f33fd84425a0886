# Debian's static programs, as they come: a checker of file systems, and one of
# signatures, with what apt-get has fetched.  TAP.
count=0

# ok NAME WANTED GOT
ok() {
	count=$((count + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		echo "# wanted: $2"
		echo "# got:    $3"
	fi
}

cd /tmp
dd if=/dev/zero of=fs bs=1024 count=4096 2>dd.log
mke2fs -F fs >mke2fs.log 2>&1
e2fsck.static -f -n fs >log 2>&1
ok 'a new file system is clean' 0 $?
# Inode 2 is the root: its first block is gone.
dd if=/dev/zero of=fs bs=1024 seek=5 count=40 conv=notrunc 2>dd.log
e2fsck.static -f -n fs >log 2>&1
ok 'a broken one is not' 4 "$(($? & 4))"
e2fsck.static -f -y fs >log 2>&1
ok 'it is mended' 1 "$(($? & 1))"
e2fsck.static -f -n fs >log 2>&1
ok 'and clean again' 0 $?

sign=/root/static
good=$(gpgv-static --keyring $sign/keys.gpg $sign/InRelease 2>&1)
ok 'a signature' 0 $?
ok 'is a good one' yes \
    "$(echo "$good" | grep -q 'gpgv: Good signature from' && echo yes)"
sed 's/^Suite: ./Suite: x/' $sign/InRelease >changed
gpgv-static --keyring $sign/keys.gpg changed >log 2>&1
ok 'a file that was changed' '1 yes' \
    "$? $(grep -q 'BAD signature' log && echo yes)"

ok 'no call was missed' '' "$(grep -v -e rseq /exo/nosys)"
echo "1..$count"
