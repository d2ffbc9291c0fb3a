import { show } from '#screens/theme'
import { TillPage } from './till.tsx'

show(<TillPage />)
