package build

const Everywhere = true
