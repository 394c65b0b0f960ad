#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int weir_fallocate_keep_size(int descriptor, int64_t offset, int64_t length) {
    return fallocate(descriptor, FALLOC_FL_KEEP_SIZE, offset, length) == 0 ? 0 : errno;
}

static int set_lock(int descriptor, short kind) {
    struct flock lock = {.l_type = kind, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0, .l_pid = 0};
    return fcntl(descriptor, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
}

int weir_lock_exclusive(int descriptor) { return set_lock(descriptor, F_WRLCK); }

int weir_unlock(int descriptor) { return set_lock(descriptor, F_UNLCK); }

void weir_read_ahead(int descriptor, int64_t offset, size_t length) {
    readahead(descriptor, offset, length);
}
