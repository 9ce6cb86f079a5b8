// ltijs as its README sets it up, with ltijs-sequelize on an SQLite file; one process, as it runs in production.
//
//   node serve.cjs '{"port", "database", "issuer", "clientId", "authenticationUrl", "tokenUrl", "keySetUrl"}'

const lti = require('ltijs').Provider
const Database = require('ltijs-sequelize')

const given = JSON.parse(process.argv[2])

async function serve () {
  const database = new Database('lti', '', '', { dialect: 'sqlite', storage: given.database, logging: false })
  lti.setup('a-key-for-one-benchmark-and-nothing-else', { plugin: database }, {
    cookies: { secure: true, sameSite: 'None' }
  })
  lti.onConnect((token, request, response) =>
    response.send(`<!doctype html><title>Badges</title><p>Hello, ${token.userInfo.name}`))
  await lti.deploy({ serverless: true, silent: true }) // it listens once the platform is known, see below
  await lti.registerPlatform({
    url: given.issuer,
    name: 'Lakeside',
    clientId: given.clientId,
    authenticationEndpoint: given.authenticationUrl,
    accesstokenEndpoint: given.tokenUrl,
    authConfig: { method: 'JWK_SET', key: given.keySetUrl }
  })
  lti.app.listen(given.port, '127.0.0.1')
}

serve().catch(error => {
  console.error(error)
  process.exit(1)
})
