/*
 * fs.h - the memory file system: inodes, names, paths, contents.
 *
 * Nothing here knows of descriptors or processes.  What is not on an inode's
 * pages is read from the boot archive, where it lies in place (`arch`).
 */
#ifndef COMMONS_FS_H
#define COMMONS_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "linux.h"
#include "wait.h"

#define FS_DIRECT	6u
#define FS_INDIRECT	512u
#define FS_PAGES_MAX	(FS_DIRECT + FS_INDIRECT + FS_INDIRECT * FS_INDIRECT)
#define FS_SIZE_MAX	((uint64_t)FS_PAGES_MAX * 4096)
#define FS_LINKS_MAX	60000u
#define FS_SYMLINKS_MAX	40u		/* followed on one path */

struct inode;
struct lock;
struct pipe;
struct sock;

/* A name in a directory. */
struct dent {
	struct dent *chain;		/* of its hash bucket */
	struct dent *next, *prev;	/* in its directory, by cookie */
	struct inode *dir, *inode;
	uint64_t cookie;
	const char *name;		/* in the archive, or owned */
	uint32_t hash;
	uint8_t len;
	bool owned;			/* the name is a string of names.c */
};

/* Directories and files that are made when they are looked at (synth.c). */
struct synth {
	/* A child by name, `..' too: an inode for fs_temp, or NULL. */
	struct inode *(*lookup)(struct inode *dir, const char *name,
	    uint32_t len);
	/* The n-th name, its type; false: no more. */
	bool (*entry)(struct inode *dir, uint64_t n, char *name,
	    uint32_t *ino, uint8_t *type);
	/* Text of a file from offset on; also of a link.  How much, or
	 * -errno. */
	int64_t (*read)(struct inode *ip, uint64_t off, char *to, size_t n);
	/* A link's end, where it is no path; NULL: go by the text. */
	struct inode *(*follow)(struct inode *ip);
};

struct inode {
	uint32_t ino, mode, nlink, refs;
	uint32_t uid, gid, rdev;
	bool lent, text;		/* pages were lent; some executable */
	bool temp;			/* is on the list of fs_settle */
	uint64_t size;
	uint64_t atime, mtime, ctime;	/* nanoseconds */
	struct inode *next;		/* on that list */
	struct dent *name;		/* the last that it was given; NULL */
	struct lock *locks;
	const struct synth *synth;
	const uint8_t *arch;		/* contents there: file, link */
	uint64_t arch_len;
	union {
		struct {
			struct inode *parent;
			struct dent *self, *first, *last;
			uint64_t cookies;
		} dir;
		struct {
			uint8_t *direct[FS_DIRECT];
			uint8_t **ind, ***dind;
			uint64_t pages;	/* with those of the index */
			uint64_t key;	/* name of its frames, when lent */
		} file;
		char *target;		/* link: string, if not in arch */
		struct pipe *fifo;	/* while somebody has it open */
		struct sock *sock;	/* who is bound there */
		struct {		/* a synthetic one's own */
			uint32_t kind, pid, fd;
		} made;
	};
};

#define IS_DIR(ip)	(((ip)->mode & L_S_IFMT) == L_S_IFDIR)
#define IS_REG(ip)	(((ip)->mode & L_S_IFMT) == L_S_IFREG)
#define IS_LNK(ip)	(((ip)->mode & L_S_IFMT) == L_S_IFLNK)
#define IS_FIFO(ip)	(((ip)->mode & L_S_IFMT) == L_S_IFIFO)
#define IS_SOCK(ip)	(((ip)->mode & L_S_IFMT) == L_S_IFSOCK)
#define IS_CHR(ip)	(((ip)->mode & L_S_IFMT) == L_S_IFCHR)

extern struct inode *fs_root;

/* ---- a path */
#define WALK_NOFOLLOW	1u		/* a link at its end is the result */
#define WALK_MISSING	2u		/* its last name need not be there */

struct walk {
	struct inode *dir;		/* where its last name is */
	struct inode *inode;		/* NULL: missing */
	const char *name;		/* the last name; "": the root */
	uint32_t len;
	bool slash;			/* the path ended with a slash */
	bool dots;			/* the last name was ., .. or nothing */
};

/* 0, or -errno.  The result holds until the walk after the next, or
 * fs_settle. */
int64_t fs_walk(struct inode *from, const char *path, size_t len,
    uint32_t flags, struct walk *w);

/* ---- inodes */
void fs_init(void);
/* Fill it from a cpio archive, which stays where it is: 0, or -errno. */
int64_t fs_archive(const void *archive, uint64_t size);

struct inode *inode_new(uint32_t mode);	/* refs 1; NULL: no room */
void inode_hold(struct inode *ip);
void inode_put(struct inode *ip);
/* Free inodes of synthetic directories that nobody holds after all. */
void fs_settle(void);
void fs_temp(struct inode *ip);

int64_t fs_read(struct inode *ip, uint64_t off, void *to, size_t n);
int64_t fs_write(struct inode *ip, uint64_t off, const void *from, size_t n);
int64_t fs_truncate(struct inode *ip, uint64_t size);
int64_t fs_seek_data(struct inode *ip, uint64_t off, bool hole);
/* A page of it, made if need be; NULL: no room, or beyond its end. */
uint8_t *fs_page(struct inode *ip, uint64_t index);

/* ---- names.  All: 0, or -errno. */
int64_t fs_create(struct walk *w, uint32_t mode, struct inode **out);
int64_t fs_symlink(struct walk *w, const char *target, size_t len);
int64_t fs_link(struct inode *ip, struct walk *w);
int64_t fs_unlink(struct walk *w, bool dir);
int64_t fs_rename(struct walk *from, struct walk *to, uint32_t flags);
/* The text of a link: its length, or -errno. */
int64_t fs_readlink(struct inode *ip, char *to, size_t n);
/* Where a directory is: its length without a NUL, or -errno. */
int64_t fs_path(struct inode *dir, char *to, size_t n);
/* The same for anything that has a name. */
int64_t fs_path_of(struct inode *ip, char *to, size_t n);

/* Entries from *pos on, as struct linux_dirent64: bytes, or -errno. */
int64_t fs_dents(struct inode *dir, uint64_t *pos, uint8_t *to, size_t n);

void fs_stat(const struct inode *ip, struct l_stat *st);
void fs_statfs(struct l_statfs *st);

/* ---- between fs.c, fs_data.c and fs_walk.c */
struct dent *dent_find(struct inode *dir, const char *name, uint32_t len);
void data_free(struct inode *ip);
/* Bytes of memory of their own; NULL: no room. */
char *text_new(const char *s, size_t n);
void text_free(char *s, size_t n);

#endif
