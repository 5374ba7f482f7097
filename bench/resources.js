// Preloaded into every server that is measured (node --import), so that each tells in the same way what it has used.
// Plain JavaScript: stripping types would load into each what the product, with its compile cache, does not need.

process.on('message', (message) => {
  if (message !== 'resources') return;
  const { user, system } = process.cpuUsage();
  process.send?.({
    cpuMicroseconds: user + system,
    residentBytes: process.memoryUsage.rss(),
    peakBytes: process.resourceUsage().maxRSS * 1024,
  });
});
// A run that is cut short leaves no server behind, and the channel keeps none alive that wants to end.
process.once('disconnect', () => process.exit(0));
process.channel?.unref();
