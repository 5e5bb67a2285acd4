module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/src'],
  // The package is an ES module, which jest compiles like the application's own files.
  transform: { '^.+\\.[jt]s$': ['ts-jest', { tsconfig: { allowJs: true } }] },
  transformIgnorePatterns: ['/node_modules/(?!nestjs-dispatch/)'],
};
