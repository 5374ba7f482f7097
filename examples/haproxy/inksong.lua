-- Asks Inksong whether a request may go on, before HAProxy (2.5 or later) passes it to a service behind it:
--   http-request lua.inksong http://127.0.0.1:8080/api/v1/auth/forward
-- Only an answer of 200 sets txn.inksong_allowed, so that whatever goes wrong here lets nothing through.

local asked_with = { 'authorization', 'x-api-key', 'origin', 'sec-fetch-site', 'user-agent' }
local identity = { 'x-inksong-user', 'x-inksong-user-id', 'x-inksong-scheme', 'x-inksong-key-id' }
local told = {
  'content-type', 'cache-control', 'retry-after', 'ratelimit', 'ratelimit-policy', 'www-authenticate', 'x-request-id',
}

-- HAProxy counts the lines of a header from 0, Lua from 1.
local function lines(values)
  local list = {}
  for index = 0, #values do list[#list + 1] = values[index] end
  return list
end

core.register_action('inksong', { 'http-req' }, function(txn, url)
  txn:set_var('txn.inksong_allowed', false)
  local sent = txn.http:req_get_headers()
  local headers = {
    ['x-forwarded-for'] = lines(sent['x-forwarded-for'] or {}),
    ['x-forwarded-proto'] = { txn.f:ssl_fc() == 1 and 'https' or 'http' },
  }
  -- Behind what it came with: Inksong reads from the right, as far as proxies of yours have written it.
  table.insert(headers['x-forwarded-for'], txn.f:src())
  for _, name in ipairs(asked_with) do
    if sent[name] then headers[name] = lines(sent[name]) end
  end

  local answer = core.httpclient():get({ url = url, headers = headers, timeout = 5000 })
  if answer.status == 200 then
    for _, name in ipairs(identity) do txn.http:req_set_header(name, answer.headers[name][0]) end
    txn:set_var('txn.inksong_allowed', true)
  elseif answer.status >= 400 then
    local reply = txn:reply({ status = answer.status, body = answer.body })
    for _, name in ipairs(told) do
      if answer.headers[name] then reply:add_header(name, answer.headers[name][0]) end
    end
    txn:done(reply)
  end
end, 1)
