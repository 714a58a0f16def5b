"""At which hop something acts: searches with packets that run out on the way."""
