/** The other process of `child-ipc`; it ends with the channel. */
process.on('message', (value) => process.send?.(value));
