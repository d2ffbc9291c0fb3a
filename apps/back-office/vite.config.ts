import { join } from 'node:path'
import react from '@vitejs/plugin-react'
import { defaultClientConditions, defineConfig } from 'vite'

const here = import.meta.dirname
const web = join(here, 'web')

export default defineConfig({
  // `vite build apps/back-office` names this folder as the root, and a root on the command line beats one written here;
  // only a plugin speaks after it.
  plugins: [react(), { name: 'page-root', config: () => ({ root: web }) }],
  resolve: { conditions: ['source', ...defaultClientConditions] },
  base: '/',
  build: {
    outDir: join(here, '../../dist/web/back-office'),
    emptyOutDir: true,
    chunkSizeWarningLimit: 900,
  },
  server: { host: '127.0.0.1', proxy: { '/api': 'http://127.0.0.1:4700' } },
})
