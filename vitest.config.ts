import { defaultServerConditions } from 'vite'
import { defineConfig } from 'vitest/config'

// `source` lets tests run from the sources, with no build before them; the defaults must stay beside it.
const conditions = ['source', ...defaultServerConditions]

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          // The bench's peers bring tests of their own.
          exclude: ['**/node_modules/**', 'test/machines/**', 'test/browser/**'],
          isolate: false,
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'machines',
          include: ['test/machines/**/*.test.ts', 'test/browser/**/*.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
