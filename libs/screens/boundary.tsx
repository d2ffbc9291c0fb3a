import { Button, Container } from '@mantine/core'
import { Component, type ReactNode } from 'react'
import { Failure } from './states.tsx'

/** A fault of the page itself, said where the page would be: an empty window tells nobody what to do. */
export class Boundary extends Component<{ readonly children: ReactNode }, { readonly fault: unknown }> {
  override state = { fault: undefined as unknown }

  static getDerivedStateFromError(fault: unknown) {
    return { fault }
  }

  override render() {
    return this.state.fault === undefined ? this.props.children : <PageFault error={this.state.fault} />
  }
}

export const PageFault = ({ error }: { readonly error: unknown }) => (
  <Container size="sm" py="xl">
    <Failure error={error} title="This page stopped" />
    <Button mt="md" onClick={() => window.location.reload()} data-testid="reload">
      Load it again
    </Button>
  </Container>
)
