#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
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

int weir_watch_directory(const char *path) {
    int descriptor = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (descriptor < 0) return -errno;
    if (inotify_add_watch(descriptor, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF) < 0) {
        int code = errno;
        close(descriptor);
        return -code;
    }
    return descriptor;
}

int weir_wait_for_change(int descriptor, int timeout_milliseconds) {
    struct pollfd watch = {.fd = descriptor, .events = POLLIN};
    if (poll(&watch, 1, timeout_milliseconds) <= 0) return 0;
    char events[4096] __attribute__((aligned(8)));
    while (read(descriptor, events, sizeof events) > 0) {}
    return 1;
}

int weir_event_create(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

void weir_event_signal(int descriptor) { eventfd_write(descriptor, 1); }

void weir_event_clear(int descriptor) {
    eventfd_t value;
    eventfd_read(descriptor, &value);
}

void weir_wait_readable(const int *descriptors, size_t count, int timeout_milliseconds) {
    struct pollfd few[16];
    struct pollfd *watches = count <= 16 ? few : calloc(count, sizeof *watches);
    if (!watches) return;
    // poll ignores negative descriptors.
    for (size_t i = 0; i < count; i++) watches[i] = (struct pollfd){.fd = descriptors[i], .events = POLLIN};
    poll(watches, count, timeout_milliseconds);
    if (watches != few) free(watches);
}
