"""The decode loop, the controllers and strategies that steer it, and the chat formats of model families."""
