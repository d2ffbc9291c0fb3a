import '@mantine/core/styles.css'
import './ground.css'
import {
  ActionIcon,
  type CSSVariablesResolver,
  createTheme,
  type MantineColorsTuple,
  MantineProvider,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { Moon, Sun } from 'lucide-react'
import { type ReactNode, StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { Unanswered } from './api.ts'
import { Boundary } from './boundary.tsx'

const ink: MantineColorsTuple = [
  '#eef4fb',
  '#dce6f1',
  '#b6cbe2',
  '#8dafd4',
  '#6b97c8',
  '#5588c1',
  '#4880be',
  '#2f67a3',
  '#255a92',
  '#164a7d',
]

const theme = createTheme({
  primaryColor: 'ink',
  primaryShade: { light: 8, dark: 7 },
  colors: { ink },
  autoContrast: true,
  defaultRadius: 'md',
  cursorType: 'pointer',
  // No font is fetched: a till without network must look as it does with one.
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
  headings: { fontWeight: '650' },
  components: {
    // A state cut to "enro…" says nothing: a badge is as wide as its word.
    Badge: { defaultProps: { tt: 'none', fw: 600 }, styles: { root: { minWidth: 'max-content' } } },
    // Inside role="dialog" a <header> counts as a second banner of the page.
    Modal: { defaultProps: { attributes: { header: { role: 'presentation' } } } },
    Drawer: { defaultProps: { attributes: { header: { role: 'presentation' } } } },
  },
})

// Mantine's own dimmed, light and outline texts fall short of 4.5:1 on a light ground (WCAG 2.2, 1.4.3).
const onLight = {
  green: '#14602f',
  red: '#a11d1d',
  orange: '#8a3a06',
  yellow: '#6b4700',
  blue: '#15548c',
  gray: '#3d4550',
}
const readable: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    ...Object.fromEntries(
      Object.entries(onLight).flatMap(([color, text]) => [
        [`--mantine-color-${color}-light-color`, text],
        [`--mantine-color-${color}-outline`, text],
      ]),
    ),
    '--mantine-color-error': onLight.red,
    '--mantine-color-dimmed': '#4a5361',
    '--mantine-color-placeholder': '#5d6673',
    '--ground': '#f5f6f8',
    '--focus': '#255a92',
  },
  dark: {
    '--mantine-color-error': '#ff9c9c',
    '--mantine-color-dimmed': '#b3bac4',
    '--mantine-color-placeholder': '#9aa1ab',
    '--ground': '#1a1b1e',
    '--focus': '#8dafd4',
  },
})

// A refusal does not get better by asking again; a silent server may.
const retry = (failures: number, error: Error) => error instanceof Unanswered && failures < 2

const Screen = ({ children }: { readonly children: ReactNode }) => {
  const [client] = useState(() => new QueryClient({ defaultOptions: { queries: { retry, retryDelay: 800 } } }))
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto" cssVariablesResolver={readable}>
      <QueryClientProvider client={client}>{children}</QueryClientProvider>
    </MantineProvider>
  )
}

/** Puts a page into its document's #page. */
export const show = (page: ReactNode): void => {
  const place = document.getElementById('page')
  if (!place) throw new Error('index.html has no element with the id "page"')
  createRoot(place).render(
    <StrictMode>
      <Screen>
        <Boundary>{page}</Boundary>
      </Screen>
    </StrictMode>,
  )
}

/** Light or dark. Until it is pressed the page follows the system. */
export const SchemeToggle = () => {
  const { setColorScheme } = useMantineColorScheme()
  const dark = useComputedColorScheme('light', { getInitialValueInEffect: false }) === 'dark'
  return (
    <ActionIcon
      variant="default"
      size="lg"
      aria-label={dark ? 'Use light colours' : 'Use dark colours'}
      data-testid="scheme-toggle"
      onClick={() => setColorScheme(dark ? 'light' : 'dark')}
    >
      {dark ? <Sun size={18} aria-hidden /> : <Moon size={18} aria-hidden />}
    </ActionIcon>
  )
}
