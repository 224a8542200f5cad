/* An SMTP server that accepts everything as fast as one process can, and keeps nothing.

   fast ADDRESS PORT COUNTS [RECORDS]

   COUNTS is a file that it maps into memory: four numbers of 64 bits, in the machine's order, for
   whoever wants to look while it runs: messages accepted, their bytes (from after DATA's answer to
   the end of the message), connections, and connections that ended without QUIT.
   RECORDS gets a line for each message, before it is acknowledged: its Message-ID and a hash of its
   bytes (FNV-1a, 64 bits). That costs several times what counting does. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 1 << 18, HEAD = 4096, ANSWERS = 8192, LONGEST_ANSWER = 128, EVENTS = 64 };

static const char GREETING[] = "220 sink ESMTP\r\n";
static const char EHLO_ANSWER[] = "250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n";
static const uint64_t FNV_START = 14695981039346656037u, FNV_PRIME = 1099511628211u;

struct counts {
    uint64_t messages, bytes, connections, broken;
};

struct connection {
    int file;
    int in_message, has_quit;
    uint64_t size, hash; /* of the message that is coming in */
    size_t filled;       /* of `room` */
    size_t head_filled;
    size_t answers_filled;
    char head[HEAD + 1]; /* how the message begins */
    char answers[ANSWERS];
    char room[ROOM];
};

static struct counts *counts;
static int records = -1;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void flush_answers(struct connection *c) {
    if (c->answers_filled && send(c->file, c->answers, c->answers_filled, MSG_NOSIGNAL) < 0)
        c->has_quit = 0; /* the other end is gone; reading will tell */
    c->answers_filled = 0;
}

static void answer(struct connection *c, const char *text) {
    size_t length = strlen(text);
    memcpy(c->answers + c->answers_filled, text, length);
    c->answers_filled += length;
    if (c->answers_filled > ANSWERS - LONGEST_ANSWER)
        flush_answers(c);
}

static void record(struct connection *c) {
    char line[600];
    c->head[c->head_filled] = 0;
    const char *id = strcasestr(c->head, "\nMessage-ID:");
    int length = 0;
    if (id) {
        id += strlen("\nMessage-ID:");
        id += strspn(id, " \t\r\n"); /* a long one may be folded */
        length = (int)strcspn(id, " \t\r\n");
    }
    int size = snprintf(line, sizeof line, "%.*s\t%016llx\n", length > 500 ? 500 : length,
                        id ? id : "", (unsigned long long)c->hash);
    if (write(records, line, (size_t)size) != size)
        die("records");
}

static void take_in(struct connection *c, const char *bytes, size_t length) {
    size_t more = HEAD - c->head_filled;
    if (records < 0) {
        c->size += length;
        return;
    }
    if (more > length)
        more = length;
    memcpy(c->head + c->head_filled, bytes, more);
    c->head_filled += more;
    c->size += length;
    for (size_t i = 0; i < length; i++)
        c->hash = (c->hash ^ (unsigned char)bytes[i]) * FNV_PRIME;
}

static void begin_message(struct connection *c) {
    c->in_message = 1;
    c->size = c->head_filled = 0;
    c->hash = FNV_START;
}

static void obey(struct connection *c, const char *line, size_t length) {
    if (length >= 4 && !strncasecmp(line, "DATA", 4)) {
        begin_message(c);
        answer(c, "354 go on\r\n");
    } else if (length >= 4 && !strncasecmp(line, "EHLO", 4)) {
        answer(c, EHLO_ANSWER);
    } else if (length >= 4 && !strncasecmp(line, "QUIT", 4)) {
        c->has_quit = 1;
        answer(c, "221 2.0.0 bye\r\n");
    } else {
        answer(c, "250 2.0.0 ok\r\n");
    }
}

/* How many of these bytes are dealt with, a command or a piece of the message; 0 if more must come.
   The end of a message is ".", alone in its line: after DATA a line begins. */
static size_t step(struct connection *c, char *bytes, size_t length) {
    static const char END[] = "\r\n.\r\n";
    const size_t size = sizeof END - 1;
    if (!c->in_message) {
        char *end = memmem(bytes, length, "\r\n", 2);
        if (!end)
            return 0;
        obey(c, bytes, (size_t)(end - bytes));
        return (size_t)(end - bytes) + 2;
    }
    int is_empty = c->size == 0 && length >= 3 && !memcmp(bytes, END + 2, 3);
    char *end = is_empty ? bytes - 2 : memmem(bytes, length, END, size);
    size_t taken = end ? (size_t)(end - bytes) + size : length >= size ? length - size + 1 : 0;
    take_in(c, bytes, taken);
    if (end) {
        c->in_message = 0;
        if (records >= 0)
            record(c);
        counts->messages++;
        counts->bytes += c->size;
        answer(c, "250 2.0.0 queued\r\n");
    }
    return taken;
}

static void end(struct connection *c) {
    counts->broken += !c->has_quit;
    close(c->file);
    free(c);
}

static void serve(struct connection *c) {
    ssize_t got = recv(c->file, c->room + c->filled, ROOM - c->filled, 0);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            end(c);
        return;
    }
    c->filled += (size_t)got;
    size_t done = 0, taken;
    while ((taken = step(c, c->room + done, c->filled - done)))
        done += taken;
    c->filled -= done;
    memmove(c->room, c->room + done, c->filled);
    flush_answers(c);
    if (c->filled == ROOM)
        end(c); /* a command without end */
}

static void welcome(int listener, int epoll) {
    static const int one = 1;
    int file = accept(listener, NULL, NULL);
    if (file < 0)
        return;
    setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct connection *c = calloc(1, sizeof *c);
    if (!c)
        die("memory");
    c->file = file;
    counts->connections++;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event))
        die("epoll");
    answer(c, GREETING);
    flush_answers(c);
}

static int listen_at(const char *address, int port) {
    static const int one = 1;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, address, &place.sin_addr) != 1 ||
        bind(listener, (void *)&place, sizeof place) || listen(listener, 512))
        die("listen");
    return listener;
}

int main(int count, char **arguments) {
    if (count < 4) {
        fprintf(stderr, "fast ADDRESS PORT COUNTS [RECORDS]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    int file = open(arguments[3], O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (file < 0 || ftruncate(file, sizeof *counts))
        die("counts");
    counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (counts == MAP_FAILED)
        die("counts");
    if (count > 4 && (records = open(arguments[4], O_WRONLY | O_CREAT | O_APPEND, 0644)) < 0)
        die("records");
    int listener = listen_at(arguments[1], atoi(arguments[2]));
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS];
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event))
        die("epoll");
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr)
                serve(events[i].data.ptr);
            else
                welcome(listener, epoll);
        }
    }
}
