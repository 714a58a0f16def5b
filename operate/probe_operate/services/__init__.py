"""What an operator of a fleet needs beside the probe: files of his services, their steps, and checks of them."""
