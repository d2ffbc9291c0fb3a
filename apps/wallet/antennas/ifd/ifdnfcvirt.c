/*
 * A PC/SC reader without hardware: what pcscd asks of the reader, another process answers over a Unix socket. It is
 * that process (antennas/iso-dep.ts) that says whether a card lies on the reader and what the card answers; pcscd, the
 * PC/SC library and everything above them are the real ones.
 *
 * reader.conf names the socket: DEVICENAME "/dev/null:<path>". Two connections are opened to it, and opened again
 * whenever the other side comes back; the first octet on each tells which it is.
 *
 *   'C'  commands    request:  u32be length | operation | octets
 *                    answer:   u32be length | status    | octets      (the length does not count itself)
 *   'E'  events      one octet from the other side whenever a card came or went: pcscd looks again at once, where it
 *                    would otherwise look only now and then
 *
 * The functions are those of pcsc-lite's ifdhandler.h, IFD handler version 3.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifdhandler.h>
#include <poll.h>
#include <pthread.h>
#include <reader.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum operation { POWER_UP = 1, POWER_DOWN = 2, RESET = 3, PRESENCE = 4, TRANSMIT = 5, CONTROL = 6 };

/* Outcomes of an operation: what the other side says (0 and up), and what befell us on the way. */
enum outcome { DONE = 0, AWAY = -1, SILENT = -2, TOO_LONG = -3 };

/* pcsc-lite holds no more readers than this (PCSCLITE_MAX_READERS_CONTEXTS). */
#define MOST_READERS 16
/* More than any extended APDU. A longer answer is no answer. */
#define LONGEST_ANSWER (1u << 17)
/* A card that says nothing for so long is given up, as a hardware reader would give it up: without that, one mute
 * card would hold pcscd's reader for ever, also against the client that comes after. */
#define PATIENCE_S 10
/* How soon an absent other side is looked for again. */
#define LOOK_AGAIN_MS 200

struct slot {
  int taken;
  DWORD lun;
  char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
  int commands;              /* socket, or -1; under `exchange` */
  int events;                /* socket, or -1; the polling thread's alone while it runs */
  int stop;                  /* eventfd: pcscd wants its polling thread back */
  pthread_mutex_t exchange;  /* one operation at a time: the answers bear no number */
};

static struct slot slots[MOST_READERS];
static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;

static struct slot *slot_of(DWORD lun) {
  struct slot *found = NULL;
  pthread_mutex_lock(&slots_lock);
  for (int at = 0; at < MOST_READERS && !found; at++)
    if (slots[at].taken && slots[at].lun == lun) found = &slots[at];
  pthread_mutex_unlock(&slots_lock);
  return found;
}

/* ---- octets ---- */

static int send_all(int socket, const void *octets, size_t length) {
  for (const char *at = octets; length > 0;) {
    ssize_t sent = send(socket, at, length, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return -1;
    at += sent;
    length -= (size_t)sent;
  }
  return 0;
}

static int receive_all(int socket, void *octets, size_t length) {
  for (char *at = octets; length > 0;) {
    ssize_t received = recv(socket, at, length, 0);
    if (received < 0 && errno == EINTR) continue;
    if (received <= 0) return received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? SILENT : AWAY;
    at += received;
    length -= (size_t)received;
  }
  return 0;
}

static int dial(const struct slot *slot, char kind) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, slot->path, sizeof address.sun_path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  struct timeval patience = {.tv_sec = PATIENCE_S};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 && send_all(fd, &kind, 1) == 0) return fd;
  close(fd);
  return -1;
}

/* ---- one operation ---- */

/* Under the slot's lock, on an open connection. Anything but a whole answer leaves the connection unreadable. */
static int converse(int fd, enum operation operation, const void *octets, size_t length, uint8_t *answer, size_t most,
                    size_t *answered, int *broken) {
  *broken = 1;
  uint8_t head[5];
  uint32_t size = htonl((uint32_t)(1 + length));
  memcpy(head, &size, sizeof size);
  head[4] = (uint8_t)operation;
  if (send_all(fd, head, sizeof head) || send_all(fd, octets, length)) return AWAY;

  int trouble = receive_all(fd, &size, sizeof size);
  if (trouble) return trouble;
  size = ntohl(size);
  if (size < 1 || size > LONGEST_ANSWER) return AWAY;
  uint8_t *body = malloc(size);
  if (!body) return AWAY;
  trouble = receive_all(fd, body, size);
  int outcome = trouble ? trouble : body[0];
  if (!trouble) {
    *broken = 0;
    if (size - 1 > most) {
      outcome = TOO_LONG;
    } else {
      *answered = size - 1;
      if (size > 1) memcpy(answer, body + 1, size - 1);
    }
  }
  free(body);
  return outcome;
}

static int operate(DWORD lun, enum operation operation, const void *octets, size_t length, uint8_t *answer, size_t most,
                   size_t *answered) {
  *answered = 0;
  struct slot *slot = slot_of(lun);
  if (!slot) return AWAY;
  int outcome = AWAY;
  pthread_mutex_lock(&slot->exchange);
  if (slot->commands < 0) slot->commands = dial(slot, 'C');
  if (slot->commands >= 0) {
    int broken;
    outcome = converse(slot->commands, operation, octets, length, answer, most, answered, &broken);
    if (broken) {
      close(slot->commands);
      slot->commands = -1;
    }
  }
  pthread_mutex_unlock(&slot->exchange);
  return outcome;
}

/* ---- waiting for cards: pcscd's own thread for this reader sits in here ---- */

static RESPONSECODE wait_for_event(DWORD lun, int timeout_ms) {
  struct slot *slot = slot_of(lun);
  if (!slot) return IFD_NO_SUCH_DEVICE;
  if (slot->events < 0) slot->events = dial(slot, 'E');
  struct pollfd watched[2] = {{.fd = slot->stop, .events = POLLIN}, {.fd = slot->events, .events = POLLIN}};
  /* poll() passes over an fd of -1: while nobody is there we sleep for a moment, or until we are stopped. */
  int away = slot->events < 0;
  poll(watched, 2, away && timeout_ms > LOOK_AGAIN_MS ? LOOK_AGAIN_MS : timeout_ms);
  if (watched[1].revents) {
    uint8_t events[64];
    if (recv(slot->events, events, sizeof events, MSG_DONTWAIT) <= 0) {
      close(slot->events);
      slot->events = -1;
    }
  }
  return IFD_SUCCESS;
}

static RESPONSECODE stop_waiting(DWORD lun) {
  struct slot *slot = slot_of(lun);
  uint64_t one = 1;
  if (!slot || write(slot->stop, &one, sizeof one) < 0) return IFD_COMMUNICATION_ERROR;
  return IFD_SUCCESS;
}

/* ---- what pcscd calls ---- */

RESPONSECODE IFDHCreateChannelByName(DWORD Lun, LPSTR DeviceName) {
  const char *colon = strchr(DeviceName, ':');
  if (!colon || strlen(colon + 1) >= sizeof slots[0].path) {
    fprintf(stderr, "ifdnfcvirt: DEVICENAME must be /dev/null:PATH, with a PATH of less than %zu octets\n",
            sizeof slots[0].path);
    return IFD_COMMUNICATION_ERROR;
  }
  RESPONSECODE made = IFD_COMMUNICATION_ERROR;
  pthread_mutex_lock(&slots_lock);
  for (int at = 0; at < MOST_READERS; at++) {
    struct slot *slot = &slots[at];
    if (slot->taken) continue;
    memset(slot, 0, sizeof *slot);
    slot->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (slot->stop < 0) break;
    strcpy(slot->path, colon + 1);
    slot->lun = Lun;
    slot->commands = slot->events = -1;
    pthread_mutex_init(&slot->exchange, NULL);
    slot->taken = 1;
    made = IFD_SUCCESS;
    break;
  }
  pthread_mutex_unlock(&slots_lock);
  return made;
}

RESPONSECODE IFDHCreateChannel(DWORD Lun, DWORD Channel) {
  (void)Lun;
  (void)Channel;
  return IFD_NOT_SUPPORTED;
}

/* pcscd has joined its polling thread before it calls this. */
RESPONSECODE IFDHCloseChannel(DWORD Lun) {
  struct slot *slot = slot_of(Lun);
  if (!slot) return IFD_SUCCESS;
  pthread_mutex_lock(&slots_lock);
  if (slot->commands >= 0) close(slot->commands);
  if (slot->events >= 0) close(slot->events);
  close(slot->stop);
  pthread_mutex_destroy(&slot->exchange);
  slot->taken = 0;
  pthread_mutex_unlock(&slots_lock);
  return IFD_SUCCESS;
}

static RESPONSECODE give_octet(PDWORD length, PUCHAR value, UCHAR octet) {
  if (*length < 1) return IFD_ERROR_INSUFFICIENT_BUFFER;
  *value = octet;
  *length = 1;
  return IFD_SUCCESS;
}

static RESPONSECODE give_function(PDWORD length, PUCHAR value, const void *function, size_t size) {
  if (*length < size) return IFD_ERROR_INSUFFICIENT_BUFFER;
  memcpy(value, function, size);
  *length = size;
  return IFD_SUCCESS;
}

RESPONSECODE IFDHGetCapabilities(DWORD Lun, DWORD Tag, PDWORD Length, PUCHAR Value) {
  (void)Lun;
  RESPONSECODE (*waiting)(DWORD, int) = wait_for_event;
  RESPONSECODE (*stopping)(DWORD) = stop_waiting;
  switch (Tag) {
    case TAG_IFD_SLOTS_NUMBER:
    case TAG_IFD_THREAD_SAFE:
    case TAG_IFD_SLOT_THREAD_SAFE:
      return give_octet(Length, Value, 1);
    case TAG_IFD_SIMULTANEOUS_ACCESS:
      return give_octet(Length, Value, MOST_READERS);
    case TAG_IFD_POLLING_THREAD_WITH_TIMEOUT:
      return give_function(Length, Value, &waiting, sizeof waiting);
    case TAG_IFD_STOP_POLLING_THREAD:
      return give_function(Length, Value, &stopping, sizeof stopping);
    default:
      return IFD_ERROR_TAG;
  }
}

RESPONSECODE IFDHSetCapabilities(DWORD Lun, DWORD Tag, DWORD Length, PUCHAR Value) {
  (void)Lun;
  (void)Tag;
  (void)Length;
  (void)Value;
  return IFD_NOT_SUPPORTED;
}

/* T=1 or T=0, it is all one: the octets of an APDU go through as they are. */
RESPONSECODE IFDHSetProtocolParameters(DWORD Lun, DWORD Protocol, UCHAR Flags, UCHAR PTS1, UCHAR PTS2, UCHAR PTS3) {
  (void)Lun;
  (void)Protocol;
  (void)Flags;
  (void)PTS1;
  (void)PTS2;
  (void)PTS3;
  return IFD_SUCCESS;
}

RESPONSECODE IFDHPowerICC(DWORD Lun, DWORD Action, PUCHAR Atr, PDWORD AtrLength) {
  size_t length = 0;
  *AtrLength = 0;
  if (Action == IFD_POWER_DOWN) {
    /* Of a card that is gone already, too: nothing is left to be done. */
    operate(Lun, POWER_DOWN, NULL, 0, NULL, 0, &length);
    return IFD_SUCCESS;
  }
  uint8_t atr[MAX_ATR_SIZE];
  int outcome = operate(Lun, Action == IFD_POWER_UP ? POWER_UP : RESET, NULL, 0, atr, sizeof atr, &length);
  if (outcome != DONE || length == 0) return IFD_ERROR_POWER_ACTION;
  memcpy(Atr, atr, length);
  *AtrLength = length;
  return IFD_SUCCESS;
}

RESPONSECODE IFDHTransmitToICC(DWORD Lun, SCARD_IO_HEADER SendPci, PUCHAR TxBuffer, DWORD TxLength, PUCHAR RxBuffer,
                               PDWORD RxLength, PSCARD_IO_HEADER RecvPci) {
  size_t length = 0;
  int outcome = operate(Lun, TRANSMIT, TxBuffer, TxLength, RxBuffer, *RxLength, &length);
  *RxLength = 0;
  if (outcome == TOO_LONG) return IFD_ERROR_INSUFFICIENT_BUFFER;
  if (outcome == SILENT) return IFD_RESPONSE_TIMEOUT;
  /* A card answers with status words at least; less is a card torn away, and must not pass for an answer. */
  if (outcome != DONE || length < 2) return IFD_COMMUNICATION_ERROR;
  RecvPci->Protocol = SendPci.Protocol;
  *RxLength = length;
  return IFD_SUCCESS;
}

/* The code libccid has for octets to the reader itself (IOCTL_SMARTCARD_VENDOR_IFD_EXCHANGE); no other is known. */
RESPONSECODE IFDHControl(DWORD Lun, DWORD dwControlCode, PUCHAR TxBuffer, DWORD TxLength, PUCHAR RxBuffer,
                         DWORD RxLength, LPDWORD pdwBytesReturned) {
  size_t length = 0;
  *pdwBytesReturned = 0;
  if (dwControlCode != SCARD_CTL_CODE(1)) return IFD_ERROR_NOT_SUPPORTED;
  int outcome = operate(Lun, CONTROL, TxBuffer, TxLength, RxBuffer, RxLength, &length);
  if (outcome == TOO_LONG) return IFD_ERROR_INSUFFICIENT_BUFFER;
  if (outcome != DONE) return IFD_COMMUNICATION_ERROR;
  *pdwBytesReturned = length;
  return IFD_SUCCESS;
}

RESPONSECODE IFDHICCPresence(DWORD Lun) {
  uint8_t present = 0;
  size_t length = 0;
  int outcome = operate(Lun, PRESENCE, NULL, 0, &present, 1, &length);
  return outcome == DONE && length == 1 && present ? IFD_ICC_PRESENT : IFD_ICC_NOT_PRESENT;
}
