"""From a request to a response: asks the guard, and does what it says. The same for both servers."""
