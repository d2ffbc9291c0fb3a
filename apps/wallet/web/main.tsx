import { useLive } from '#screens/live'
import { show } from '#screens/theme'
import { useAddressedPhone } from './address.tsx'
import { PhonePage } from './phone.tsx'
import { PhonesPage } from './phones.tsx'

const Wallet = () => {
  useLive()
  const phone = useAddressedPhone()
  return phone === null ? <PhonesPage /> : <PhonePage key={phone} id={phone} />
}

show(<Wallet />)
