import { setFlagsFromString } from 'node:v8'

/**
 * How V8 takes memory, told before a program loads anything: by itself it lets its young generation grow to 128 MiB while
 * modules load, and never gives that back. Measured in decision 42, where each costs what.
 */

/** A young generation that stays small, and an old one that grows by half of what lives. Costs no speed at the centre. */
export const steadyHeap = (): void => {
  setFlagsFromString('--semi-space-growth-factor=1')
  setFlagsFromString('--heap-growing-percent=50')
}

/**
 * For a till or a phone, that works for milliseconds and waits for minutes: it collects before it takes more, and leaves
 * out the last of V8's compilers, whose own memory is a tenth of such a process.
 */
export const smallHeap = (): void => {
  steadyHeap()
  setFlagsFromString('--optimize-for-size')
  setFlagsFromString('--no-turbofan')
}

/**
 * For the environment of a process, by whoever starts it: glibc reads this before any code of ours runs. By itself it
 * gives each thread of V8 and of libuv a place of its own to take memory from, and gives back little of what lies there.
 */
export const fewArenas = { MALLOC_ARENA_MAX: '2' } as const
